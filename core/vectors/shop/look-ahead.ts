// Reads what else is asked about the hits of a search while the search still goes on.

import type {
  CatalogueEntry,
  CatalogueStore,
  OnCandidates,
  StoredEvent,
  VectorStore,
} from '#core/ports.ts';

export type LookAhead = Pick<VectorStore, 'sharingProducts'> & {
  readonly catalogue: Pick<CatalogueStore, 'entries' | 'ofTexts'>;
  /** Begins to read about these. */
  readonly onCandidates: OnCandidates;
};

/**
 * Gives the answers of the store, and asks about each text and each product once.
 *
 * @param hitsMax so many of the candidates of one search become hits at most
 * @param hasSharing whether products that share texts are asked for
 */
export function createLookAhead(
  store: Pick<VectorStore, 'sharingProducts' | 'catalogue'>,
  hitsMax: number,
  hasSharing: boolean,
): LookAhead {
  const { catalogue } = store;
  const entries = new ReadOnce<CatalogueEntry>((ids) => catalogue.entries(ids));
  const listed = new ReadOnce<readonly CatalogueEntry[]>(async (ids) =>
    Map.groupBy(await catalogue.ofTexts(ids), ({ textId }) => textId ?? ''),
  );
  const sharing = new ReadOnce<readonly (readonly [string, StoredEvent])[]>(
    async (textIds, exceptProductIds) =>
      Map.groupBy(
        await store.sharingProducts({ textIds, exceptProductIds }),
        ([, { textId }]) => textId,
      ),
  );
  return {
    catalogue: {
      entries: (ids) => entries.of(ids),
      ofTexts: async (textIds) => [...(await listed.of(textIds)).values()].flat(),
    },
    async sharingProducts({ textIds, exceptProductIds }) {
      const found = [...(await sharing.of(textIds, exceptProductIds)).values()].flat();
      const except = new Set(exceptProductIds);
      return new Map(found.filter(([id]) => !except.has(id)));
    },
    onCandidates(candidates) {
      const likely = candidates.slice(0, hitsMax);
      const textIds = likely.map(({ textId }) => textId);
      const productIds = likely.flatMap(({ productId }) => productId ?? []);
      entries.begin(productIds);
      listed.begin(textIds);
      if (hasSharing) sharing.begin(textIds, productIds);
    },
  };
}

type Read<V> = (
  keys: readonly string[],
  except: readonly string[],
) => Promise<ReadonlyMap<string, V>>;

class ReadOnce<V> {
  readonly #read: Read<V>;
  readonly #reads = new Map<string, Promise<ReadonlyMap<string, V>>>();

  constructor(read: Read<V>) {
    this.#read = read;
  }

  /** @param except is passed on */
  begin(keys: readonly string[], except: readonly string[] = []): void {
    const fresh = [...new Set(keys)].filter((key) => !this.#reads.has(key));
    if (fresh.length === 0) return;
    const reading = this.#read(fresh, except);
    // Whoever asks for the answer gets the error.
    reading.catch(() => undefined);
    for (const key of fresh) this.#reads.set(key, reading);
  }

  /** Only the keys that have a value. */
  async of(
    keys: readonly string[],
    except: readonly string[] = [],
  ): Promise<ReadonlyMap<string, V>> {
    this.begin(keys, except);
    const reads = new Set(keys.flatMap((key) => this.#reads.get(key) ?? []));
    const found = new Map((await Promise.all(reads)).flatMap((part) => [...part]));
    return new Map(
      keys.flatMap((key): [string, V][] => {
        const value = found.get(key);
        return value === undefined ? [] : [[key, value]];
      }),
    );
  }
}
