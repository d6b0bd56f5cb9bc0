// Finds products in Qdrant whose texts are near others, in two round trips.

import type { QdrantClient } from '@qdrant/js-client-rest';
import { meanOfTexts } from '#core/analysis/taste.ts';
import { isUuid } from '#core/event/uuid.ts';
import type { VectorStore } from '#core/ports.ts';
import { productsOnly } from '#core/vectors/products-only.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { filterOf, hasId, isAnyText, isOneOf, isValue } from './qdrant-filter.ts';
import { bareText } from './qdrant-points.ts';

type Options = {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  readonly search: VectorStore['search'];
  readonly vectors: VectorStore['vectors'];
};

/** Nearest texts that are looked at for one result, because some may have no matching event. */
const candidatesPerResult = 2;

export function createQdrantSimilar({
  qdrant,
  names,
  search,
  vectors,
}: Options): VectorStore['similarProducts'] {
  const candidatesOf = (
    ids: readonly string[],
    among: readonly string[] | undefined,
    count: number,
  ) =>
    qdrant.read('find products near texts', async (client) => {
      // Both at once, because nearly always all of the texts are known.
      const [known, found] = await Promise.all([
        knownOf(client, names.texts, ids),
        nearest(client, names.texts, { positive: ids, among, limit: count }).catch(
          (error: unknown) => {
            if (isMissing(error)) return null;
            throw error;
          },
        ),
      ]);
      if (known.length === 0) return [];
      return known.length === ids.length && found !== null
        ? found
        : nearest(client, names.texts, { positive: known, among, limit: count });
    });

  const withEvents = (ids: readonly string[], must: NonNullable<ReturnType<typeof filterOf>>) =>
    qdrant.read('count events', async (client) => {
      const { hits } = await client.facet(names.events, {
        key: 'text_id',
        exact: true,
        filter: { must: [isAnyText(ids), ...must.must] },
        limit: ids.length,
      });
      return new Set(hits.map(({ value }) => String(value)));
    });

  return async ({ textIds, filter: given, limit }) => {
    const eventFilter = productsOnly(given);
    const filter = filterOf(eventFilter);
    const ids = [...new Set(textIds)].filter(isUuid);
    if (filter === null || ids.length === 0) return [];
    const count = limit * candidatesPerResult;
    const candidates = await candidatesOf(ids, given.textIds, count);
    if (candidates.length === 0) return [];
    const matching = await withEvents(
      candidates.map(({ id }) => id),
      filter,
    );
    const results = candidates.filter(({ id }) => matching.has(id) && !textIds.includes(id));
    const found =
      results.length >= limit || candidates.length < count
        ? results.map(({ id, product, score }) => ({ textId: id, product, score }))
        : await bySearch(ids, eventFilter, limit);
    return found
      .flatMap(({ textId, product, score }) =>
        product === null ? [] : [{ textId, product, score }],
      )
      .slice(0, limit);
  };

  /** The filter matches few of the nearest texts: a search finds the others. */
  async function bySearch(
    ids: readonly string[],
    filter: Parameters<typeof search>[0]['filter'],
    limit: number,
  ) {
    const vector = meanOfTexts([...(await vectors(ids)).values()]);
    return vector === null ? [] : search({ vector, limit, filter, exceptTextIds: ids });
  }
}

/** One of the texts is not stored. */
const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'status' in error && error.status === 404;

async function nearest(
  client: QdrantClient,
  collection: string,
  {
    positive,
    among,
    limit,
  }: {
    readonly positive: readonly string[];
    /** Only these texts; all products if it is absent. */
    readonly among: readonly string[] | undefined;
    readonly limit: number;
  },
) {
  const isAmong = among === undefined ? [] : [hasId(among)];
  const { points } = await client.query(collection, {
    query: { recommend: { positive: [...positive] } },
    filter: { must: [isValue('kind', 'product'), ...isAmong] },
    limit,
    with_payload: ['text', 'product'],
  });
  return points.map((point) => ({ ...bareText(point), score: Math.min(1, point.score) }));
}

/** The ids of texts that may be compared: a withheld text is of neither kind. */
async function knownOf(
  client: QdrantClient,
  collection: string,
  ids: readonly string[],
): Promise<readonly string[]> {
  const { points } = await client.scroll(collection, {
    filter: { must: [hasId(ids), isOneOf('kind', ['product', 'query'])] },
    limit: ids.length,
    with_payload: false,
  });
  return points.map(({ id }) => String(id));
}
