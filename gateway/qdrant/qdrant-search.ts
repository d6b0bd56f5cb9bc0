// Searches texts in one collection by their events in another, by both plans of
// core/vectors/search-plan.ts.

import type { EventFilter, EventType, SearchHit, VectorStore } from '#core/ports.ts';
import {
  type Ranked,
  type SearchPlan,
  type SearchSpace,
  searchTexts,
  unbounded,
  type Wanted,
} from '#core/vectors/search-plan.ts';
import {
  createNewestEvents,
  type EventsFilter,
  type FindNewestEvents,
  type NewestEvent,
} from './newest-events.ts';
import type { QdrantCatalogue } from './qdrant-catalogue.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import type { QdrantEvents } from './qdrant-events.ts';
import { type Condition, filterOf } from './qdrant-filter.ts';
import {
  createSearchQueries,
  type QdrantSearchQueries,
  type Target,
} from './qdrant-search-queries.ts';
import type { QdrantWords } from './qdrant-words.ts';

export type SearchOptions = {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  readonly events: QdrantEvents;
  readonly catalogue: QdrantCatalogue;
  readonly readTexts: VectorStore['texts'];
  readonly brandsOf: QdrantWords['brandsOf'];
  readonly plan: SearchPlan;
  /** Vectors are compared by a coarser copy first. */
  readonly isQuantised: boolean;
  /** All that events may have. */
  readonly eventTypes: readonly EventType[];
};

/** The most texts of products that match a selective filter. */
const listedMax = 1_000_000;
/** Candidates whose events are looked for at once. */
const lookAhead = 256;

export function createQdrantSearch(
  options: SearchOptions,
): Pick<VectorStore, 'search' | 'searchWords'> {
  const { events, catalogue, readTexts, brandsOf, plan, eventTypes } = options;
  const queries = createSearchQueries(options);
  const findNewest = createNewestEvents(options);

  const hitsOf = async (
    ranked: readonly Ranked<string>[],
    { eventFilter, filter }: EventsFilter,
    newest: ReadonlyMap<string, NewestEvent>,
  ): Promise<readonly SearchHit[]> => {
    const ids = ranked.map(({ text }) => text);
    if (ids.length === 0) return [];
    const [texts, newestEvents, counts] = await Promise.all([
      readTexts(ids),
      events.byId(ids.flatMap((id) => newest.get(id)?.id ?? [])),
      queries.eventCounts(filter, eventFilter.eventTypes ?? eventTypes, ids),
    ]);
    const byId = new Map(newestEvents.map((event) => [event.id, event]));
    return ranked.flatMap(({ textId, score }) => {
      const text = texts.get(textId);
      const counted = counts.get(textId) ?? { total: 0, byType: {} };
      const newestId = newest.get(textId)?.id;
      const event = newestId === undefined ? null : byId.get(newestId);
      // Deleted while the search went on.
      if (text === undefined || event === undefined) return [];
      return [
        { score, textId, text: text.text, product: text.product, events: counted, newest: event },
      ];
    });
  };

  /** @param alongside reads something else about the texts of the hits, at the same time */
  const find = async <T>(
    target: Target,
    eventFilter: EventFilter,
    wanted: Wanted<string>,
    alongside: (textIds: readonly string[]) => Promise<T>,
  ): Promise<{ readonly hits: readonly SearchHit[]; readonly read: T }> => {
    const filter = filterOf(eventFilter);
    if (filter === null) return { hits: [], read: await alongside([]) };
    const filters = { eventFilter, filter };
    const space = new QdrantSearchSpace(target, filters, { queries, findNewest, catalogue });
    const ranked = await searchTexts(space, wanted);
    const [hits, read] = await Promise.all([
      hitsOf(ranked, filters, space.newest),
      alongside(ranked.map(({ text }) => text)),
    ]);
    return { hits, read };
  };

  return {
    async search(request) {
      const { vector, limit, filter, scoreMin = -Infinity, exceptTextIds: except = [] } = request;
      const target = { vector, condition: kindsOf(filter) };
      const wanted = { limit, plan, scoreMin, except, after: request.after ?? null };
      return (await find(target, filter, wanted, async () => null)).hits;
    },
    async searchWords({ features, limit, filter }) {
      const wanted = { ...unbounded, limit, plan };
      const { hits, read: brands } = await find({ features }, filter, wanted, brandsOf);
      return hits.map((hit) => ({ ...hit, brands: brands.get(hit.textId) ?? [] }));
    },
  };
}

type Sources = {
  readonly queries: QdrantSearchQueries;
  readonly findNewest: FindNewestEvents;
  readonly catalogue: QdrantCatalogue;
};

/** What one search has found so far. A text is named by its id. */
class QdrantSearchSpace implements SearchSpace<string> {
  readonly #target: Target;
  readonly #filters: EventsFilter;
  readonly #queries: QdrantSearchQueries;
  readonly #findNewest: FindNewestEvents;
  readonly #catalogue: QdrantCatalogue;
  /** The candidates of the last call of `nearest`, in its order. */
  #ranking: readonly string[] = [];
  /** Whether a text has a matching event. */
  readonly #hasEvents = new Map<string, boolean>();
  /** Texts of products of the catalogue that match. */
  readonly #listed = new Set<string>();
  /** The newest matching event of every text that was matched. */
  readonly newest = new Map<string, NewestEvent>();

  constructor(target: Target, filters: EventsFilter, { queries, findNewest, catalogue }: Sources) {
    this.#target = target;
    this.#filters = filters;
    this.#queries = queries;
    this.#findNewest = findNewest;
    this.#catalogue = catalogue;
  }

  async textsOfEvents(max: number): Promise<readonly string[] | null> {
    const { filter } = this.#filters;
    if (max !== Infinity && (await this.#queries.isWide(filter))) return null;
    const limit = max === Infinity ? listedMax : max + 1;
    const [ofEvents, listed] = await Promise.all([
      this.#queries.textsOfEvents(filter, max),
      this.#catalogue.listedTexts(this.#filters.eventFilter, limit),
    ]);
    if (ofEvents === null) return null;
    const all = new Set([...ofEvents, ...listed]);
    return all.size > max ? null : [...all];
  }

  async nearest(count: number, within: readonly string[] | null) {
    if (within?.length === 0) return [];
    const candidates = await this.#queries.nearest(this.#target, count, within);
    this.#ranking = candidates.map(({ text }) => text);
    return candidates;
  }

  async matches(textIds: readonly string[]) {
    await this.#lookForEvents(textIds);
    const withEvents = textIds.filter((id) => this.#hasEvents.get(id));
    const newest = await this.#findNewest(this.#filters, withEvents);
    for (const [id, event] of newest) this.newest.set(id, event);
    return textIds.map((textId) => {
      const newestAt = newest.get(textId)?.timestamp ?? (this.#listed.has(textId) ? 0 : null);
      return newestAt === null ? null : { textId, newestAt };
    });
  }

  /** Asks also for the candidates after these, which would be asked for next. */
  async #lookForEvents(textIds: readonly string[]): Promise<void> {
    const unknown = textIds.find((id) => !this.#hasEvents.has(id));
    if (unknown === undefined) return;
    const from = this.#ranking.indexOf(unknown);
    const asked = this.#ranking.slice(from, from + Math.max(lookAhead, textIds.length));
    const { filter, eventFilter } = this.#filters;
    const allowed = eventFilter.textIds ?? asked;
    const among = { ...eventFilter, textIds: asked.filter((id) => allowed.includes(id)) };
    const [found, listed] = await Promise.all([
      this.#queries.withEvents(filter, asked),
      this.#catalogue.listedTexts(among, asked.length),
    ]);
    for (const id of asked) this.#hasEvents.set(id, found.has(id));
    for (const id of listed) this.#listed.add(id);
  }
}

/** Every search asks for kinds, because a withheld text is of neither kind. */
function kindsOf({ eventTypes: types }: EventFilter): Condition {
  return {
    key: 'kind',
    match: types?.includes('search') ? { any: ['product', 'query'] } : { value: 'product' },
  };
}
