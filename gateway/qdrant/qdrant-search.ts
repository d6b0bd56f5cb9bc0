// Searches texts in one collection by their events in another: both plans of
// core/vectors/search-plan.ts in Qdrant's terms.

import {
  type EventFilter,
  type EventType,
  eventTypes,
  type SearchHit,
  type SearchRequest,
  type VectorStore,
} from '#core/ports.ts';
import { type Ranked, type SearchPlan, searchTexts } from '#core/vectors/search-plan.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Ask } from './qdrant-connection.ts';
import type { QdrantEvents } from './qdrant-events.ts';
import { type Condition, type Filter, filterOf, hasId, isAnyText } from './qdrant-filter.ts';
import { stringAt, timeAt } from './qdrant-points.ts';

export type SearchOptions = {
  readonly ask: Ask;
  readonly names: QdrantCollections;
  readonly events: QdrantEvents;
  readonly readTexts: VectorStore['texts'];
  readonly plan: SearchPlan;
  /** Vectors are compared by a coarser copy first. */
  readonly isQuantised: boolean;
};

type Newest = { readonly id: string; readonly timestamp: number };
type Tally = { readonly total: number; readonly byType: Partial<Record<EventType, number>> };

/**
 * How widely the graph is searched at least; finds about 99 of the 100 nearest, for a fraction of a
 * millisecond more than less would.
 */
const graphWidthMin = 128;
/** Matching events up to about this many are all looked at for their texts. */
const eventsMax = 50_000;
/** Candidates whose events are looked for at once. */
const lookAhead = 256;

export function createQdrantSearch(
  options: SearchOptions,
): (request: SearchRequest) => Promise<readonly SearchHit[]> {
  const { ask, names, events, readTexts, plan, isQuantised } = options;
  const quantised = isQuantised ? { quantization: { rescore: true, oversampling: 2 } } : {};

  /**
   * So many events match that to look at each costs more than the set of their texts saves. The
   * estimate costs next to nothing.
   */
  const isWide = async (filter: Filter): Promise<boolean> => {
    if (filter.must.length === 0) return true;
    return ask(
      'estimate the number of events',
      async (client) =>
        (await client.count(names.events, { filter, exact: false })).count > eventsMax,
    );
  };

  /**
   * Texts of the matching events; the facet has no page to turn, so its limit grows until it holds
   * all.
   */
  const textsOfEvents = (filter: Filter, max: number): Promise<readonly string[] | null> =>
    ask('find the texts of events', async (client) => {
      for (let limit = max === Infinity ? 16_384 : max + 1; ; limit *= 8) {
        const { hits } = await client.facet(names.events, {
          key: 'text_id',
          filter,
          limit,
          exact: true,
        });
        if (hits.length > max) return null;
        if (hits.length < limit) return hits.map(({ value }) => String(value));
      }
    });

  const nearest = (vector: Float32Array, count: number, must: Condition[]) =>
    ask('search texts', async (client) => {
      const { points } = await client.query(names.texts, {
        query: [...vector],
        limit: count,
        filter: { must },
        with_payload: false,
        params: { hnsw_ef: Math.max(graphWidthMin, count), ...quantised },
      });
      return points.map(({ id, score }) => ({
        text: String(id),
        score: Math.max(-1, Math.min(1, score)),
      }));
    });

  /** Which of these texts have a matching event. */
  const withEvents = (filter: Filter, textIds: readonly string[]): Promise<ReadonlySet<string>> =>
    ask('count events', async (client) => {
      const { hits } = await client.facet(names.events, {
        key: 'text_id',
        filter: { must: [isAnyText(textIds), ...filter.must] },
        limit: textIds.length,
        exact: true,
      });
      return new Set(hits.map(({ value }) => String(value)));
    });

  /** Numbers of matching events by type: one facet over all these texts per type. */
  const tally = (
    filter: Filter,
    types: readonly EventType[],
    textIds: readonly string[],
  ): Promise<ReadonlyMap<string, Tally>> =>
    ask('count events', async (client) => {
      const facets = await Promise.all(
        types.map(async (type) => {
          const ofType: Condition = { key: 'event_type', match: { value: type } };
          const { hits } = await client.facet(names.events, {
            key: 'text_id',
            filter: { must: [isAnyText(textIds), ofType, ...filter.must] },
            limit: textIds.length,
            exact: true,
          });
          return hits.map(({ value, count }) => ({ textId: String(value), type, count }));
        }),
      );
      const tallies = new Map<string, Tally>();
      for (const { textId, type, count } of facets.flat()) {
        const { total, byType } = tallies.get(textId) ?? { total: 0, byType: {} };
        tallies.set(textId, { total: total + count, byType: { ...byType, [type]: count } });
      }
      return tallies;
    });

  /**
   * The newest matching event of each text. A page of the newest events of all of them settles
   * those whose newest lies within it; the rest are asked for again without these. At least one is
   * settled each time, usually most.
   */
  const newestOf = async (
    eventFilter: EventFilter,
    filter: Filter,
    textIds: readonly string[],
  ): Promise<ReadonlyMap<string, Newest>> => {
    const newest = new Map<string, Newest>();
    for (let open = [...textIds]; open.length > 0; open = open.filter((id) => !newest.has(id))) {
      const limit = Math.min(1_000, Math.max(32, open.length * 4));
      const page = await ask('find newest events', async (client) => {
        const { points } = await client.scroll(names.events, {
          filter: { must: [isAnyText(open), ...filter.must] },
          limit,
          order_by: { key: 'timestamp', direction: 'desc' },
          with_payload: ['text_id', 'timestamp'],
        });
        return points.map(({ id, payload }) => ({
          id: String(id),
          textId: stringAt(payload, 'text_id'),
          timestamp: timeAt(payload, 'timestamp'),
        }));
      });
      const isAll = page.length < limit;
      const last = page.at(-1)?.timestamp ?? Infinity;
      for (const { textId, id, timestamp } of page) {
        // Of the page's last millisecond a higher id may lie behind it.
        if (!isAll && timestamp <= last) continue;
        const found = newest.get(textId);
        if (found === undefined || (found.timestamp === timestamp && found.id < id))
          newest.set(textId, { id, timestamp });
      }
      if (isAll) break;
      const first = page[0];
      if (first !== undefined && !newest.has(first.textId)) {
        const [event] = await events.list({ ...eventFilter, textIds: [first.textId] }, 1);
        if (event !== undefined) newest.set(first.textId, event);
        else open = open.filter((id) => id !== first.textId);
      }
    }
    return newest;
  };

  const hitsOf = async (
    ranked: readonly Ranked<string>[],
    filter: Filter,
    types: readonly EventType[],
    newest: ReadonlyMap<string, Newest>,
  ): Promise<readonly SearchHit[]> => {
    const ids = ranked.map(({ text }) => text);
    if (ids.length === 0) return [];
    const [texts, newestEvents, tallies] = await Promise.all([
      readTexts(ids),
      events.byId(ids.flatMap((id) => newest.get(id)?.id ?? [])),
      tally(filter, types, ids),
    ]);
    const eventOf = new Map(newestEvents.map((event) => [event.id, event]));
    return ranked.flatMap(({ textId, score }) => {
      const text = texts.get(textId),
        tallied = tallies.get(textId),
        event = eventOf.get(newest.get(textId)?.id ?? '');
      // Forgotten while the search went on.
      if (text === undefined || tallied === undefined || event === undefined) return [];
      return [
        { score, textId, text: text.text, product: text.product, events: tallied, newest: event },
      ];
    });
  };

  return async ({
    vector,
    limit,
    filter: eventFilter,
    scoreMin = -Infinity,
    exceptTextIds = [],
    after = null,
  }) => {
    const filter = filterOf(eventFilter);
    if (filter === null) return [];
    // Always asked for: a text that is withheld is of neither kind.
    const kinds: Condition = {
      key: 'kind',
      match: eventFilter.eventTypes?.includes('search')
        ? { any: ['product', 'query'] }
        : { value: 'product' },
    };
    let ranking: readonly string[] = [];
    const matched = new Map<string, boolean>();
    const newest = new Map<string, Newest>();

    const ranked = await searchTexts<string>(
      {
        async textsOfEvents(max) {
          if (max !== Infinity && (await isWide(filter))) return null;
          return textsOfEvents(filter, max);
        },
        async nearest(count, within) {
          if (within?.length === 0) return [];
          const candidates = await nearest(
            vector,
            count,
            within === null ? [kinds] : [hasId(within), kinds],
          );
          ranking = candidates.map(({ text }) => text);
          return candidates;
        },
        async matches(textIds) {
          const unknown = textIds.find((id) => !matched.has(id));
          if (unknown !== undefined) {
            // Those that will be asked for next cost no request more.
            const from = ranking.indexOf(unknown);
            const together = ranking.slice(from, from + Math.max(lookAhead, textIds.length));
            const found = await withEvents(filter, together);
            for (const id of together) matched.set(id, found.has(id));
          }
          const places = await newestOf(
            eventFilter,
            filter,
            textIds.filter((id) => matched.get(id)),
          );
          for (const [id, place] of places) newest.set(id, place);
          return textIds.map((textId) => {
            const newestAt = places.get(textId)?.timestamp;
            return newestAt === undefined ? null : { textId, newestAt };
          });
        },
      },
      { limit, plan, scoreMin, except: exceptTextIds, after },
    );
    return hitsOf(ranked, filter, eventFilter.eventTypes ?? eventTypes, newest);
  };
}
