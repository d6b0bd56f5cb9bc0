// The vector store in Qdrant, which keeps texts with their vectors in one collection and events
// without vectors in another.

import { partsOf } from '#core/collections/parts-of.ts';
import { DependencyError } from '#core/errors/errors.ts';
import type {
  EventType,
  IndexIdentity,
  StoreCounts,
  VectorStore,
  WriteOutcome,
} from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import { featuresVersion } from '#core/vectors/lexical/word-features.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { createQdrantCatalogue } from './qdrant-catalogue.ts';
import {
  prepareCollections,
  type QdrantCollections,
  type QdrantStorage,
} from './qdrant-collections.ts';
import { codes, connectQdrant, type Qdrant, type QdrantAddress } from './qdrant-connection.ts';
import { createQdrantRetention } from './qdrant-delete-old-events.ts';
import { createQdrantErasure } from './qdrant-erasure.ts';
import { createQdrantEvents } from './qdrant-events.ts';
import { createQdrantFunnel } from './qdrant-funnel.ts';
import { createQdrantNeighbours } from './qdrant-neighbours.ts';
import { createQdrantProvenance } from './qdrant-provenance.ts';
import { createQdrantRunnerBlocks } from './qdrant-runner-blocks.ts';
import { createQdrantSearchRules } from './qdrant-search-rules.ts';
import { createQdrantSearch } from './qdrant-search.ts';
import { createQdrantSimilar } from './qdrant-similar.ts';
import { createQdrantTexts, type QdrantTexts } from './qdrant-texts.ts';
import { createWordsPass } from './qdrant-words-pass.ts';
import { createQdrantWords } from './qdrant-words.ts';

export type QdrantStoreOptions = QdrantAddress & {
  readonly collections: Pick<QdrantCollections, 'texts' | 'events' | 'products'>;
  readonly storage: QdrantStorage;
  readonly identity: IndexIdentity;
  readonly searchPlan: SearchPlan;
  /** All types that events may have. */
  readonly eventTypes: readonly EventType[];
};

/**
 * Qdrant's own guidance and our measurements favour 64 to 256 points per request, with a few
 * requests in flight.
 */
const batchMax = { texts: 128, events: 256 } as const;

const openMsMax = 3_000;
/** Every gateway has read a new tombstone after this time. */
const tombstonesReadMs = 10_000;

/**
 * Returns a store that may be used at once. The collections are created or checked before the first
 * call, and again when they are gone. Its calls throw `DependencyError` while that is not possible,
 * and `IndexMismatchError` when the collections were created for another index.
 */
export function createQdrantStore(options: QdrantStoreOptions): VectorStore {
  return build(options).store;
}

/**
 * Creates the store like `createQdrantStore`, but waits for a first attempt, for at most 3 s. When
 * Qdrant cannot be reached, or does not answer in time, `onWaiting` gets one line that says so; the
 * store then works as soon as Qdrant does.
 *
 * @throws IndexMismatchError when the collections were created for another index
 */
export async function openQdrantStore(
  options: QdrantStoreOptions,
  onWaiting: (why: string) => void,
): Promise<VectorStore> {
  const { store, prepared } = build(options);
  const problem = await within(firstProblem(prepared), {
    ms: openMsMax,
    clock: options.clock,
    late: () => `Qdrant at ${options.url} has not answered yet`,
  });
  if (problem !== null) onWaiting(problem);
  return store;
}

/** Resolves with why Qdrant cannot be used at present; `null` when it can. */
async function firstProblem(prepared: () => Promise<void>): Promise<string | null> {
  try {
    await prepared();
    return null;
  } catch (error) {
    if (error instanceof DependencyError && error.retryable) return error.message;
    throw error;
  }
}

function build(options: QdrantStoreOptions): {
  readonly store: VectorStore;
  readonly prepared: () => Promise<void>;
} {
  const { collections, storage, identity, searchPlan, eventTypes, ...address } = options;
  const { clock, timeoutMs } = address;
  const connected = connectQdrant(address);
  const names = namesOf(collections);

  const { qdrant, prepared } = whenPrepared(connected, {
    prepare: () => prepareCollections(connected, names, identity, storage),
    onMissing: () => texts.forgotten(),
  });

  const words = createQdrantWords({
    qdrant,
    names,
    ofTexts: (ids) => catalogue.ofTexts(ids),
  });
  const texts = createQdrantTexts({
    qdrant,
    words,
    collection: names.texts,
    dimensions: identity.dimensions,
    clock,
  });
  const events = createQdrantEvents({ qdrant, collection: names.events, texts });
  const catalogue = createQdrantCatalogue({
    qdrant,
    names,
    markTexts: (ids) => texts.mark(ids),
    renewWords: (ids) => words.renew(ids),
  });

  const { search, searchWords } = createQdrantSearch({
    qdrant,
    names,
    events,
    catalogue,
    readTexts: (ids) => texts.read(ids),
    plan: searchPlan,
    eventTypes,
    isQuantised: storage.quantisation !== 'none',
  });

  const store: VectorStore = {
    kind: 'qdrant',
    batchMax,
    catalogue,
    searchRules: createQdrantSearchRules(qdrant, names.products),
    ...recordStores({ qdrant, names, texts, identity, settleMs: tombstonesReadMs + timeoutMs }),
    ...textStore(texts),
    putEvents: (records) => inParts(records, batchMax.events, (part) => events.put(part)),
    search,
    searchWords,
    prepareWords: createWordsPass({ qdrant, names, words }),
    ...createQdrantNeighbours({ qdrant, names }),
    similarProducts: createQdrantSimilar({
      qdrant,
      names,
      search,
      vectors: (ids) => texts.vectors(ids),
    }),
    events: (filter, limit, after) => events.list(filter, limit, after),
    event: async (id) => (await events.byId([id]))[0] ?? null,
    countsBy: (request) => events.countsBy(request),
    funnel: createQdrantFunnel(qdrant, names.events),
    counts: () => countPoints(qdrant, names),
    forget: createQdrantRetention({ qdrant, names, texts, words, catalogue }),
    // The client's idle connections do not keep the process alive, and close themselves.
    async [Symbol.asyncDispose]() {},
  };
  return { store, prepared };
}

/**
 * The same calls, each of which waits until the collections are there.
 *
 * @param onMissing a collection was deleted meanwhile
 */
function whenPrepared(
  connected: Qdrant,
  { prepare, onMissing }: { readonly prepare: () => Promise<void>; readonly onMissing: () => void },
): { readonly qdrant: Qdrant; readonly prepared: () => Promise<void> } {
  // One attempt at a time; the next call after a failed one tries again.
  let preparing: Promise<void> | null = null;
  const prepared = (): Promise<void> =>
    (preparing ??= prepare().catch((error: unknown) => {
      preparing = null;
      throw error;
    }));
  const afterwards =
    (ask: Qdrant['read']): Qdrant['read'] =>
    async (what, call) => {
      await prepared();
      try {
        return await ask(what, call);
      } catch (error) {
        if (error instanceof DependencyError && error.code === codes.missing) {
          preparing = null;
          onMissing();
        }
        throw error;
      }
    };
  return {
    qdrant: { read: afterwards(connected.read), write: afterwards(connected.write) },
    prepared,
  };
}

const textStore = (
  texts: QdrantTexts,
): Pick<VectorStore, 'knownTexts' | 'putTexts' | 'texts' | 'vectors'> => ({
  knownTexts: (ids) => texts.known(ids),
  putTexts: (records) => inParts(records, batchMax.texts, (part) => texts.put(part)),
  texts: (ids) => texts.read(ids),
  vectors: (ids) => texts.vectors(ids),
});

/** What is not about the index itself: who made vectors, who was erased, and who may not join. */
function recordStores(
  parts: Parameters<typeof createQdrantErasure>[0] & Pick<QdrantStoreOptions, 'identity'>,
): Pick<VectorStore, 'provenanceStore' | 'erasureStore' | 'runnerBlockStore'> {
  const { qdrant, names, identity } = parts;
  return {
    provenanceStore: createQdrantProvenance({ qdrant, names, dimensions: identity.dimensions }),
    erasureStore: createQdrantErasure(parts),
    runnerBlockStore: createQdrantRunnerBlocks(qdrant, names.blocks),
  };
}

function countPoints(qdrant: Qdrant, names: QdrantCollections): Promise<StoreCounts> {
  return qdrant.read('count its points', async (client) => {
    const [text, event] = await Promise.all([
      client.count(names.texts, { exact: true }),
      client.count(names.events, { exact: true }),
    ]);
    if (!Number.isInteger(text.count) || !Number.isInteger(event.count))
      throw new TypeError('a count is not a number');
    return { texts: text.count, events: event.count };
  });
}

/** The collection with the tombstones, by the collection of the texts. */
export const erasuresOf = (texts: string): string => `${texts}_erasures`;

const namesOf = ({
  texts,
  events,
  products,
}: QdrantStoreOptions['collections']): QdrantCollections => ({
  texts,
  events,
  products,
  words: `${texts}_words_${featuresVersion}`,
  sessions: `${texts}_sessions`,
  erasures: erasuresOf(texts),
  blocks: `${texts}_blocks`,
});

/** Splits writes larger than `countMax` into parts, and writes one part after the other. */
async function inParts<T>(
  items: readonly T[],
  countMax: number,
  write: (part: readonly T[]) => Promise<readonly WriteOutcome[]>,
): Promise<readonly WriteOutcome[]> {
  if (items.length <= countMax) return write(items);
  const outcomes: WriteOutcome[] = [];
  for (const part of partsOf(items, countMax)) outcomes.push(...(await write(part)));
  return outcomes;
}
