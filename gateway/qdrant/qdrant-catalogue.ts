// Keeps the catalogue in Qdrant, in a collection of its own: the newest version of each product.

import type { Schemas } from '@qdrant/js-client-rest';
import { uuidV5 } from '#core/event/uuid.ts';
import type {
  CatalogueEntry,
  CatalogueProduct,
  CatalogueStore,
  CatalogueWrite,
  EventFilter,
} from '#core/ports.ts';
import { isAboutProducts } from '#core/vectors/products-only.ts';
import { applied } from './applied-write.ts';
import { brandsKey, type QdrantCollections, settledKey } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import {
  type Condition,
  filterOf,
  hasId,
  isAnyText,
  isAtTime,
  isBefore,
  isOneOf,
  isValue,
} from './qdrant-filter.ts';
import { putPoints } from './qdrant-payloads.ts';
import { stringAt, timeAt, timeOf } from './qdrant-points.ts';

export type QdrantCatalogue = CatalogueStore & {
  /** The texts, at most `max`, of the products that are sold and match; none for other filters. */
  listedTexts(filter: EventFilter, max: number): Promise<readonly string[]>;
  /** The ids among these of texts of products that are sold. */
  usedTexts(textIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** These texts are gone: their products wait again. */
  textsGone(textIds: readonly string[]): Promise<void>;
};

type Options = {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  /** Marks texts that perhaps nothing refers to any more. */
  readonly markTexts: (textIds: readonly string[]) => Promise<void>;
  /** These texts may have got other brands. */
  readonly renewWords: (textIds: readonly string[]) => Promise<void>;
};

const namespace = uuidV5('catalogue product');
const idOf = (productId: string): string => uuidV5(productId, namespace);

const states = { sold: 'sold', gone: 'gone' } as const;
const isSold = isValue('state', states.sold);
/** What became of the text of a product. */
const outcomes = { stored: 'stored', failed: 'failed', gone: 'gone' } as const;

export function createQdrantCatalogue(options: Options): QdrantCatalogue {
  const { qdrant, names } = options;
  const collection = names.products;
  const settled = settledKey(names.texts);
  const isSettled = isOneOf(settled, [outcomes.stored, outcomes.failed]);
  const entryOf = entryIn(settled);
  const read = async (
    filter: Schemas['Filter'],
    limit: number,
  ): Promise<readonly CatalogueEntry[]> =>
    qdrant.read('read products', async (client) => {
      const { points } = await client.scroll(collection, {
        filter,
        limit,
        with_payload: true,
      });
      return points.map(entryOf);
    });

  const entries = async (ids: readonly string[]): Promise<ReadonlyMap<string, CatalogueEntry>> => {
    if (ids.length === 0) return new Map();
    const points = await qdrant.read('read products', (client) =>
      client.retrieve(collection, { ids: ids.map(idOf), with_payload: true }),
    );
    return new Map(points.map(entryOf).map((entry) => [entry.id, entry]));
  };

  const textsOf = (must: Condition[], limit: number): Promise<readonly string[]> =>
    qdrant.read('find texts of products', async (client) => {
      const { hits } = await client.facet(collection, {
        key: 'text_id',
        filter: { must: [isSold, ...must] },
        limit,
        exact: true,
      });
      return hits.map(({ value }) => String(value));
    });

  const setPayload = (what: string, payload: Record<string, unknown>, filter: Schemas['Filter']) =>
    qdrant.write(what, (client) =>
      applied(client.setPayload(collection, { payload, filter, wait: true })),
    );

  return {
    entries,

    put: createPut(options, entries),

    async ofTexts(textIds) {
      if (textIds.length === 0) return [];
      const found = await read({ must: [isAnyText(textIds), isSold] }, sharingMax);
      return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    },

    textsOfBrands: (brands, limit) => textsOfBrands(options, brands, limit),
    waiting: (limit) => read({ must: [isSold], must_not: [isSettled] }, limit),

    async settle(results) {
      const groups = Map.groupBy(results, ({ problem }) => problem);
      for (const [why, group] of groups)
        await setPayload(
          'settle products',
          { [settled]: why === null ? outcomes.stored : outcomes.failed, problem: why },
          {
            must: [isSold],
            should: group.map(({ id, updatedAt }) => ({
              must: [hasId([idOf(id)]), isAtTime('updated_at', updatedAt)],
            })),
          },
        );
    },

    async listedTexts(filter, max) {
      const must = isAboutProducts(filter) ? (filterOf(filter)?.must ?? null) : null;
      return must === null ? [] : textsOf(must, max);
    },

    usedTexts: async (textIds) =>
      new Set(textIds.length === 0 ? [] : await textsOf([isAnyText(textIds)], textIds.length)),

    async textsGone(textIds) {
      if (textIds.length > 0)
        await setPayload(
          'note texts that are gone',
          { [settled]: outcomes.gone },
          { must: [isAnyText(textIds), isSold] },
        );
    },
  };
}

/** The words of a text have its brands: see qdrant-words.ts. */
const textsOfBrands = (
  { qdrant, names }: Options,
  brands: readonly string[],
  limit: number,
): Promise<readonly string[]> =>
  qdrant.read('find texts of brands', async (client) => {
    const wellFormed = brands.map((brand) => brand.toWellFormed());
    const filter = { must: [isOneOf(brandsKey, wellFormed)] };
    const { points } = await client.scroll(names.words, { filter, limit, with_payload: false });
    return points.map(({ id }) => String(id));
  });

/** @param entries reads the present versions */
function createPut(
  { qdrant, names, markTexts, renewWords }: Options,
  entries: CatalogueStore['entries'],
): CatalogueStore['put'] {
  return async (writes) => {
    const before = await entries(writes.map(({ id }) => id));
    const isNewer = ({ id, updatedAt }: CatalogueWrite): boolean =>
      (before.get(id)?.updatedAt ?? -Infinity) < updatedAt;
    const newer = writes.filter(isNewer);
    if (newer.length > 0) {
      const left = newer.flatMap(({ id, textId }) => {
        const old = before.get(id)?.textId ?? null;
        return old === null || old === textId ? [] : [old];
      });
      // Before the write: a crash in between leaves no text that is never looked at again.
      await markTexts([...new Set(left)]);
      await putPoints(qdrant, names.products, 'write products', newer.map(pointOf), {
        should: newer.map(({ id, updatedAt }) => ({
          must: [hasId([idOf(id)]), isBefore('updated_at', updatedAt)],
        })),
      });
      const renamed = newer.filter(({ id, product, textId }) => {
        const old = before.get(id);
        return old?.textId !== textId || old?.product?.brand !== product?.brand;
      });
      await renewWords([...left, ...renamed.flatMap(({ textId }) => textId ?? [])]);
    }
    return writes.map((write) => (isNewer(write) ? 'stored' : 'superseded'));
  };
}

/** Products that share the texts of one search. */
const sharingMax = 5_000;

/** The fields of `product` are for filters, which are the same as on events. */
function pointOf({ id, updatedAt, product, textId }: CatalogueWrite): Schemas['PointStruct'] {
  const filtered =
    product === null
      ? {}
      : {
          product: { id, category: product.category?.toWellFormed() ?? null, price: product.price },
        };
  return {
    id: idOf(id),
    vector: {},
    payload: {
      product_id: id,
      updated_at: timeOf(updatedAt),
      state: product === null ? states.gone : states.sold,
      problem: null,
      text_id: textId,
      ...filtered,
      listed: product === null ? null : JSON.stringify(product),
    },
  };
}

const entryIn =
  (settled: string) =>
  ({ payload }: Schemas['Record']): CatalogueEntry => {
    const { state, problem, text_id: textId, listed } = payload ?? {};
    const outcome = state === states.gone ? outcomes.stored : payload?.[settled];
    const hasFailed = outcome === outcomes.failed;
    return {
      id: stringAt(payload, 'product_id'),
      updatedAt: timeAt(payload, 'updated_at'),
      product: typeof listed === 'string' ? productOf(listed) : null,
      textId: typeof textId === 'string' ? textId : null,
      state: hasFailed ? 'failed' : outcome === outcomes.stored ? 'searchable' : 'waiting',
      problem: hasFailed && typeof problem === 'string' ? problem : null,
    };
  };

/** What `pointOf` wrote. */
const productOf = (json: string): CatalogueProduct => JSON.parse(json);
