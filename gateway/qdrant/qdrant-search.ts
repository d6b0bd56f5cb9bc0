// Searches texts in one collection by their events in another, by both plans of
// core/vectors/search-plan.ts. A search without a filter on events takes two round trips: one for
// the candidates, and one for everything about them.

import { ConfirmedAnswers } from '#core/collections/confirmed-answers.ts';
import type {
  BareText,
  EventFilter,
  EventType,
  OnCandidates,
  SearchHit,
  StoredEvent,
  VectorStore,
} from '#core/ports.ts';
import {
  type Ranked,
  type SearchPlan,
  type SearchSpace,
  searchTexts,
  setMax,
  unbounded,
  type Wanted,
} from '#core/vectors/search-plan.ts';
import { createNewestEvents, type EventsFilter, type FindNewestEvents } from './newest-events.ts';
import type { QdrantCatalogue } from './qdrant-catalogue.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import type { QdrantEvents } from './qdrant-events.ts';
import { type Condition, filterOf } from './qdrant-filter.ts';
import {
  createSearchQueries,
  type EventCounts,
  type QdrantSearchQueries,
  type Target,
  type TextCandidate,
} from './qdrant-search-queries.ts';

export type SearchOptions = {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  readonly events: QdrantEvents;
  readonly catalogue: QdrantCatalogue;
  readonly readTexts: VectorStore['texts'];
  readonly plan: SearchPlan;
  /** Vectors are compared by a coarser copy first. */
  readonly isQuantised: boolean;
  /** All that events may have. */
  readonly eventTypes: readonly EventType[];
};

/** The most texts of products that match a selective filter. */
const listedMax = 1_000_000;
/** Candidates about which everything is read at once. */
const lookAhead = 256;
/** The texts of so many filters are remembered, 150 KB each at most. */
const setsMax = 50;

export function createQdrantSearch(
  options: SearchOptions,
): Pick<VectorStore, 'search' | 'searchWords'> {
  const { plan } = options;
  const sets = new ConfirmedAnswers<TextSet>(setsMax, isStill);
  const sources: Sources = {
    ...options,
    queries: createSearchQueries(options),
    findNewest: createNewestEvents(options),
  };

  const find = async (
    target: Target,
    eventFilter: EventFilter,
    wanted: Wanted<string>,
    onCandidates: OnCandidates | undefined,
  ): Promise<readonly Found[]> => {
    const { textIds, ...others } = eventFilter;
    const filter = filterOf(others);
    if (filter === null || textIds?.length === 0) return [];
    const filters = { eventFilter: others, filter };
    const setOf = (max: number): Promise<TextSet> => textsOfEvents(sources, filters, max);
    const from = async (known: TextSet | undefined): Promise<readonly Found[]> => {
      const space = new QdrantSearchSpace(
        { target, filters, textIds, scoreMin: wanted.scoreMin, onCandidates },
        sources,
        async (max) => (known === undefined || max === Infinity ? setOf(max) : known),
      );
      return (await searchTexts(space, wanted)).flatMap((ranked) => space.hitOf(ranked) ?? []);
    };
    if (plan !== 'auto' || textIds !== undefined || filter.must.length === 0)
      return from(undefined);
    return sets.from(JSON.stringify(others), () => setOf(setMax), from);
  };

  return {
    async search(request, onCandidates) {
      const { vector, limit, filter, scoreMin = -Infinity, exceptTextIds: except = [] } = request;
      const target = { vector, condition: kindsOf(filter) };
      const wanted = { limit, plan, scoreMin, except, after: request.after ?? null };
      const found = await find(target, filter, wanted, onCandidates);
      return found.map(({ hit }) => hit);
    },
    async searchWords({ features, limit, filter }, onCandidates) {
      const found = await find({ features }, filter, { ...unbounded, limit, plan }, onCandidates);
      return found.map(({ hit, brands }) => ({ ...hit, brands }));
    },
  };
}

type Found = { readonly hit: SearchHit; readonly brands: readonly string[] };

type Sources = Pick<SearchOptions, 'catalogue' | 'readTexts' | 'eventTypes'> & {
  readonly queries: QdrantSearchQueries;
  readonly findNewest: FindNewestEvents;
};

type Asked = {
  readonly target: Target;
  readonly filters: EventsFilter;
  /** Only these texts. */
  readonly textIds: readonly string[] | undefined;
  readonly scoreMin: number;
  readonly onCandidates: OnCandidates | undefined;
};

/** What is known of a text that has a matching event, or is listed. */
type Matching = {
  readonly text: BareText | undefined;
  readonly events: EventCounts;
  /** `null` for a text that only the catalogue has. */
  readonly newest: StoredEvent | null;
};

/** What one search has found so far. A text is named by its id. */
class QdrantSearchSpace implements SearchSpace<string> {
  readonly #asked: Asked;
  readonly #sources: Sources;
  readonly #textsOfEvents: (max: number) => Promise<TextSet>;
  readonly #allowed: ReadonlySet<string> | null;
  /** The candidates of the last call of `nearest` with enough score, in its order. */
  #ranking: readonly TextCandidate[] = [];
  /** Of each text that was looked at; `null`: it does not match. */
  readonly #matching = new Map<string, Matching | null>();
  readonly #brands = new Map<string, readonly string[]>();

  constructor(asked: Asked, sources: Sources, ofEvents: (max: number) => Promise<TextSet>) {
    this.#asked = asked;
    this.#sources = sources;
    this.#textsOfEvents = ofEvents;
    this.#allowed = asked.textIds === undefined ? null : new Set(asked.textIds);
  }

  async textsOfEvents(max: number): Promise<TextSet> {
    if (this.#allowed === null) return this.#textsOfEvents(max);
    return this.#allowed.size > max ? null : [...this.#allowed];
  }

  async nearest(count: number, within: readonly string[] | null) {
    if (within?.length === 0) return [];
    const { target, scoreMin } = this.#asked;
    const found = await this.#sources.queries.nearest(target, count, within);
    this.#ranking = found.filter(({ score }) => score >= scoreMin);
    return found;
  }

  async matches(textIds: readonly string[]) {
    await this.#lookAt(textIds);
    return textIds.map((textId) => {
      const found = this.#matching.get(textId) ?? null;
      return found === null ? null : { textId, newestAt: found.newest?.timestamp ?? 0 };
    });
  }

  /** `null`: its text was deleted while the search went on. */
  hitOf({ textId, score }: Ranked<string>): Found | null {
    const { text: bare, events, newest } = this.#matching.get(textId) ?? {};
    if (bare === undefined || events === undefined || newest === undefined) return null;
    const { text, product } = bare;
    const brands = this.#brands.get(textId) ?? [];
    return { hit: { score, textId, text, product, events, newest }, brands };
  }

  /** Looks also at the candidates after these, which would be asked for next. */
  async #lookAt(textIds: readonly string[]): Promise<void> {
    const from = this.#ranking.findIndex(
      ({ text }) => text === textIds.find((id) => !this.#matching.has(id)),
    );
    if (from < 0) return;
    const all = this.#ranking.slice(from, from + Math.max(lookAhead, textIds.length));
    const looked = all.filter(({ text }) => this.#allowed?.has(text) !== false);
    const found = await this.#about(looked);
    for (const { text } of all) this.#matching.set(text, found.get(text) ?? null);
  }

  async #about(candidates: readonly TextCandidate[]): Promise<ReadonlyMap<string, Matching>> {
    if (candidates.length === 0) return new Map();
    const { queries, catalogue, findNewest, readTexts, eventTypes } = this.#sources;
    const { filters, onCandidates } = this.#asked;
    const { eventFilter, filter } = filters;
    onCandidates?.(candidates.map(({ text: textId, productId }) => ({ textId, productId })));
    const ids = candidates.map(({ text }) => text);
    const unread = candidates.flatMap(({ text, bare }) => (bare === null ? [text] : []));
    const [newest, listed, counts, texts] = await Promise.all([
      findNewest(filters, ids),
      catalogue.listedTexts({ ...eventFilter, textIds: ids }, ids.length),
      queries.eventCounts(filter, eventFilter.eventTypes ?? eventTypes, ids),
      readTexts(unread),
    ]);
    const isListed = new Set(listed);
    for (const { text, brands } of candidates) this.#brands.set(text, brands);
    return new Map(
      candidates.flatMap(({ text: id, bare }): [string, Matching][] => {
        const event = newest.get(id) ?? null;
        if (event === null && !isListed.has(id)) return [];
        const events = counts.get(id) ?? { total: 0, byType: {} };
        return [[id, { text: bare ?? texts.get(id), events, newest: event }]];
      }),
    );
  }
}

/** The texts of the events that match a filter; `null`: of too many. */
type TextSet = readonly string[] | null;

async function textsOfEvents(
  { queries, catalogue }: Sources,
  { filter, eventFilter }: EventsFilter,
  max: number,
): Promise<TextSet> {
  if (max !== Infinity && (await queries.isWide(filter))) return null;
  const limit = max === Infinity ? listedMax : max + 1;
  const [ofEvents, listed] = await Promise.all([
    queries.textsOfEvents(filter, max),
    catalogue.listedTexts(eventFilter, limit),
  ]);
  if (ofEvents === null) return null;
  const all = new Set([...ofEvents, ...listed]);
  return all.size > max ? null : [...all];
}

/** A set may hold texts that do not match any more. */
function isStill(before: TextSet, now: TextSet): boolean {
  if (before === null || now === null) return before === now;
  const known = new Set(before);
  return now.every((id) => known.has(id));
}

/** Every search asks for kinds, because a withheld text is of neither kind. */
function kindsOf({ eventTypes: types }: EventFilter): Condition {
  return {
    key: 'kind',
    match: types?.includes('search') ? { any: ['product', 'query'] } : { value: 'product' },
  };
}
