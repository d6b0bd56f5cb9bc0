// Counts how often products are touched: which are popular, how rare one is, and which are new.
// It counts at most once in a while, because counting reads every event.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import { type EventTypes, ownEventTypes } from '#core/event/event-types.ts';
import {
  type Clock,
  type EventFilter,
  type EventType,
  type SimilarProduct,
  type VectorStore,
} from '#core/ports.ts';

/** `score` is the share of the most popular product's events. */
export type PopularProduct = SimilarProduct & { readonly events: number };

export type ProductCounts = {
  /** Events about a product; 0 for one that is not among the counted. */
  readonly of: (productId: string) => number;
  /** Events about the most frequent product. */
  readonly largest: number;
  /** Events about all products counted. */
  readonly total: number;
};

/** A product is new when it has fewer than `eventsMax` events by `types`, and one lately. */
export type NewProduct = {
  readonly types: readonly EventType[];
  readonly eventsMax: number;
  /** Before the newest event of all, so that an imported old log gives the same answer. */
  readonly ageMs: number;
};

export type Popularity = {
  /** Counts the events of these types by product. */
  counts(types: readonly EventType[]): Promise<ProductCounts>;
  /** The products with most events that match the filter, most first. */
  popular(filter: EventFilter): Promise<readonly PopularProduct[]>;
  /** The texts of new products, 1000 at most. */
  newTexts(rule: NewProduct): Promise<readonly string[]>;
};

const countedMax = 10_000;
const popularMax = 500;
const newTextsMax = 1_000;
const filtersMax = 100;
/** An answer lives for a minute, or for longer where it took long: 2 % of the time is counting. */
const lifetimeMsMin = 60_000;
const lifetimePerCost = 50;

export function createPopularity(
  store: Pick<VectorStore, 'countsBy' | 'texts' | 'events'>,
  clock: Clock,
  { touches }: EventTypes = ownEventTypes,
): Popularity {
  const popularOf = kept(clock, (filter: EventFilter) =>
    readPopular(store, { eventTypes: [...touches, 'remove_from_cart'], ...filter }),
  );
  const countsOf = kept(clock, async (eventTypes: readonly EventType[]) => {
    const counts = await store.countsBy({
      by: 'productId',
      filter: { eventTypes },
      limit: countedMax,
    });
    const byProduct = new Map(counts.map(({ value, count }) => [value, count]));
    return {
      of: (id: string) => byProduct.get(id) ?? 0,
      largest: counts[0]?.count ?? 0,
      total: counts.reduce((sum, { count }) => sum + count, 0),
    };
  });
  const newTexts = kept(clock, async (rule: NewProduct) =>
    readNewTexts(store, await countsOf(rule.types), rule),
  );
  return { counts: countsOf, popular: popularOf, newTexts };
}

async function readPopular(
  store: Pick<VectorStore, 'countsBy' | 'texts'>,
  filter: EventFilter & Required<Pick<EventFilter, 'eventTypes'>>,
): Promise<readonly PopularProduct[]> {
  const eventTypes = filter.eventTypes.filter((type) => type !== 'search');
  const counts = await store.countsBy({
    by: 'textId',
    filter: { ...filter, eventTypes },
    limit: popularMax,
  });
  const texts = await store.texts(counts.map(({ value }) => value));
  const most = counts[0]?.count ?? 1;
  const known = new Set<string>();
  return counts.flatMap(({ value: textId, count }): PopularProduct[] => {
    const product = texts.get(textId)?.product ?? null;
    if (product === null || known.has(product.id)) return [];
    known.add(product.id);
    return [{ product, textId, score: count / most, events: count }];
  });
}

async function readNewTexts(
  store: Pick<VectorStore, 'countsBy' | 'texts' | 'events'>,
  counts: ProductCounts,
  { types, eventsMax, ageMs }: NewProduct,
): Promise<readonly string[]> {
  const [newest] = await store.events({}, 1);
  if (newest === undefined) return [];
  const lately = await store.countsBy({
    by: 'textId',
    filter: { eventTypes: types, since: newest.timestamp - ageMs },
    limit: countedMax,
  });
  const rare = lately.filter(({ count }) => count < eventsMax).map(({ value }) => value);
  const texts = await store.texts(rare);
  return rare
    .filter((id) => {
      const product = texts.get(id)?.product ?? null;
      return product !== null && counts.of(product.id) < eventsMax;
    })
    .slice(0, newTextsMax);
}

/** Keeps the answers of `read`. Equal questions share one; a failure is not kept. */
function kept<Question, Answer>(
  clock: Clock,
  read: (question: Question) => Promise<Answer>,
): (question: Question) => Promise<Answer> {
  type Kept = { readonly answer: Promise<Answer>; until: number };
  const answers = new BoundedMap<string, Kept>(() => filtersMax);
  return (question) => {
    const key = JSON.stringify(question);
    const started = clock.monotonic();
    const found = answers.get(key);
    if (found !== undefined && started < found.until) return found.answer;
    const entry: Kept = { answer: read(question), until: Infinity };
    answers.set(key, entry);
    entry.answer.then(
      () => {
        const cost = clock.monotonic() - started;
        entry.until = clock.monotonic() + Math.max(lifetimeMsMin, cost * lifetimePerCost);
      },
      () => {
        entry.until = 0;
      },
    );
    return entry.answer;
  };
}
