// The requests to Qdrant that a search is made of.

import type { QdrantClient } from '@qdrant/js-client-rest';
import { partsOf } from '#core/collections/parts-of.ts';
import type { BareText, EventType, SearchHit, WordFeatures } from '#core/ports.ts';
import { comparableScore } from '#core/vectors/lexical/word-features.ts';
import type { Candidate } from '#core/vectors/search-plan.ts';
import {
  brandsKey,
  type QdrantCollections,
  wordsProductKey,
  wordsVector,
} from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { type Condition, type Filter, hasId, isAnyText } from './qdrant-filter.ts';
import { bareText } from './qdrant-points.ts';
import { wordsPayload } from './qdrant-words.ts';

export type EventCounts = SearchHit['events'];

/** What texts are compared with: a vector, for those that match a condition, or features. */
export type Target =
  | { readonly vector: Float32Array; readonly condition: Condition }
  | { readonly features: WordFeatures };

export type TextCandidate = Candidate<string> & {
  readonly productId: string | null;
  /** `null` where it is not read yet. */
  readonly bare: BareText | null;
  /** Only found by words. */
  readonly brands: readonly string[];
};

export type QdrantSearchQueries = {
  /**
   * Whether too many events match: looking at each would cost more than the set of texts saves. The
   * estimate costs next to nothing.
   */
  isWide(filter: Filter): Promise<boolean>;
  /** Ids of the texts of the matching events; `null` when there are more than `max`. */
  textsOfEvents(filter: Filter, max: number): Promise<readonly string[] | null>;
  /** The `count` nearest texts, by descending score; only among `within`, if given. */
  nearest(
    to: Target,
    count: number,
    within: readonly string[] | null,
  ): Promise<readonly TextCandidate[]>;
  /** The numbers of matching events by text and type. */
  eventCounts(
    filter: Filter,
    types: readonly EventType[],
    textIds: readonly string[],
  ): Promise<ReadonlyMap<string, EventCounts>>;
};

/**
 * The least width of a search in the graph. It finds about 99 of the 100 nearest, for a fraction of
 * a millisecond more than a smaller width.
 */
const graphWidthMin = 128;
/** Up to about this many matching events, each event is read to find its text. */
const eventsMax = 50_000;
const facetLimitMin = 16_384;
/**
 * The most ids in one request, 160 KB. Qdrant compares the vectors of so few texts one by one, so
 * the nearest are exact. For more texts it would search its graph.
 */
const idsMax = 4_096;
/** Up to so many candidates come with their texts, most of which become hits. */
const textsMax = 512;
/** A larger set of texts is searched in parts, this many at once. */
const partsInFlightMax = 4;

type SearchedCollections = {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  /** Vectors are compared by a coarser copy first. */
  readonly isQuantised: boolean;
};

export function createSearchQueries({
  qdrant,
  names,
  isQuantised,
}: SearchedCollections): QdrantSearchQueries {
  const textFacet = { key: 'text_id', exact: true };

  return {
    isWide: async (filter) =>
      filter.must.length === 0 ||
      qdrant.read('estimate the number of events', async (client) => {
        const { count } = await client.count(names.events, { filter, exact: false });
        return count > eventsMax;
      }),

    textsOfEvents: (filter, max) =>
      qdrant.read('find the texts of events', async (client) => {
        // A facet has no pages, so its limit grows until it holds all.
        for (let limit = max === Infinity ? facetLimitMin : max + 1; ; limit *= 8) {
          const { hits } = await client.facet(names.events, { ...textFacet, filter, limit });
          if (hits.length > max) return null;
          if (hits.length < limit) return hits.map(({ value }) => String(value));
        }
      }),

    nearest: createNearest({ qdrant, names, isQuantised }),

    eventCounts: (filter, types, textIds) =>
      qdrant.read('count events', async (client) => {
        const facets = await Promise.all(
          types.map(async (type) => {
            const isOfType: Condition = { key: 'event_type', match: { value: type } };
            const { hits } = await client.facet(names.events, {
              ...textFacet,
              filter: { must: [isAnyText(textIds), isOfType, ...filter.must] },
              limit: textIds.length,
            });
            return hits.map(({ value, count }) => ({ textId: String(value), type, count }));
          }),
        );
        const counts = new Map<string, EventCounts>();
        for (const { textId, type, count } of facets.flat()) {
          const { total, byType } = counts.get(textId) ?? { total: 0, byType: {} };
          counts.set(textId, { total: total + count, byType: { ...byType, [type]: count } });
        }
        return counts;
      }),
  };
}

function createNearest({
  qdrant,
  names,
  isQuantised,
}: SearchedCollections): QdrantSearchQueries['nearest'] {
  const quantised = isQuantised ? { quantization: { rescore: true, oversampling: 2 } } : {};

  const byVector = async (
    client: QdrantClient,
    { vector, condition }: Extract<Target, { vector: Float32Array }>,
    { limit, must }: { readonly limit: number; readonly must: Condition[] },
  ): Promise<readonly TextCandidate[]> => {
    const hasTexts = limit <= textsMax;
    const { points } = await client.query(names.texts, {
      query: [...vector],
      limit,
      filter: { must: [...must, condition] },
      with_payload: hasTexts ? ['text', 'product'] : false,
      params: { hnsw_ef: Math.max(graphWidthMin, limit), ...quantised },
    });
    return points.map((point) => {
      const bare = hasTexts ? bareText(point) : null;
      const score = Math.max(-1, Math.min(1, point.score));
      return {
        text: String(point.id),
        score,
        productId: bare?.product?.id ?? null,
        bare,
        brands: [],
      };
    });
  };

  const byWords = async (
    client: QdrantClient,
    { ids, weights }: WordFeatures,
    { limit, must }: { readonly limit: number; readonly must: Condition[] },
  ): Promise<readonly TextCandidate[]> => {
    const { points } = await client.query(names.words, {
      query: { indices: [...ids], values: [...weights] },
      using: wordsVector,
      limit,
      filter: { must },
      with_payload: [brandsKey, wordsProductKey],
    });
    return points.map(({ id, score, payload }) => ({
      text: String(id),
      score: comparableScore(score),
      bare: null,
      ...wordsPayload(payload),
    }));
  };

  return async (to, count, within) => {
    const parts = within === null ? [null] : partsOf(within, idsMax);
    const nearestOf = (part: readonly string[] | null): Promise<readonly TextCandidate[]> =>
      qdrant.read('search texts', (client) => {
        const wanted = { limit: count, must: part === null ? [] : [hasId(part)] };
        return 'vector' in to ? byVector(client, to, wanted) : byWords(client, to.features, wanted);
      });
    let nearest: readonly TextCandidate[] = [];
    for (const some of partsOf(parts, partsInFlightMax)) {
      const found = await Promise.all(some.map(nearestOf));
      nearest = [...nearest, ...found.flat()].toSorted(byScore).slice(0, count);
    }
    return nearest;
  };
}

const byScore = (a: Candidate<string>, b: Candidate<string>): number => b.score - a.score;
