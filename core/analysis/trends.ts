// Finds products, categories and search queries that rise against their own baseline, from the
// store's counts.

import { type EventTypes, ownEventTypes, typesMax } from '#core/event/event-types.ts';
import type { BareText, CountsRequest, EventFilter, EventType, VectorStore } from '#core/ports.ts';
import { type Rising, risingOf, type Tally, type Totals } from './rising.ts';

const searchTypes: readonly EventType[] = ['search'];

/** How many of the most frequent values of each kind are compared with their baseline. */
export const candidatesMax = 1_000;

export type Span = {
  /** UTC ms, inclusive. */
  readonly since: number;
  /** UTC ms, inclusive. */
  readonly until: number;
};

/**
 * The window ends at `until`. The baseline is `baselineWindows` windows long and ends where the
 * window begins.
 */
export function spansOf(
  until: number,
  windowMs: number,
  baselineWindows: number,
): { readonly window: Span; readonly baseline: Span } {
  const since = until - windowMs + 1;
  return {
    window: { since, until },
    baseline: { since: since - baselineWindows * windowMs, until: since - 1 },
  };
}

export type TrendRequest = {
  readonly window: Span;
  readonly baseline: Span;
  /** The most values of each kind, 1…100. */
  readonly limit: number;
  /** The fewest events in the window that make a trend. */
  readonly countMin: number;
};

export type RisingText = Rising & { readonly text: BareText };

export type Trends = {
  readonly products: readonly RisingText[];
  readonly categories: readonly Rising[];
  readonly queries: readonly RisingText[];
  /** Events of all types in both spans. */
  readonly totals: Totals;
};

type Counts = Pick<VectorStore, 'countsBy' | 'texts'>;

/** Work: eight counts of at most 1,000 groups each, one read of at most 2,000 texts. */
export async function findTrends(
  store: Counts,
  { window, baseline, limit, countMin }: TrendRequest,
  { touches }: EventTypes = ownEventTypes,
): Promise<Trends> {
  const typesOf = async (span: Span) =>
    new Map(
      (await store.countsBy({ by: 'eventType', filter: span, limit: typesMax })).map(
        ({ value, count }) => [value, count],
      ),
    );
  const [now, before] = await Promise.all([typesOf(window), typesOf(baseline)]);
  const totalOf = (types: readonly EventType[]): Totals => ({
    count: sum(types.map((type) => now.get(type) ?? 0)),
    before: sum(types.map((type) => before.get(type) ?? 0)),
  });

  const risingBy = async (
    by: CountsRequest['by'],
    eventTypes: readonly EventType[],
  ): Promise<readonly Rising[]> => {
    const totals = totalOf(eventTypes);
    if (totals.count === 0 || totals.before === 0) return [];
    const frequent = (
      await store.countsBy({ by, filter: { ...window, eventTypes }, limit: candidatesMax })
    ).filter(({ count }) => count >= countMin);
    if (frequent.length === 0) return [];
    const values = frequent.map(({ value }) => value);
    const same: EventFilter = by === 'textId' ? { textIds: values } : { categories: values };
    const earlier = new Map(
      (
        await store.countsBy({
          by,
          filter: { ...baseline, ...same, eventTypes },
          limit: candidatesMax,
        })
      ).map(({ value, count }) => [value, count]),
    );
    return risingOf(
      frequent.map(({ value, count }): Tally => ({
        value,
        count,
        before: earlier.get(value) ?? 0,
      })),
      totals,
      countMin,
    );
  };
  const [products, categories, queries] = await Promise.all([
    risingBy('textId', touches),
    risingBy('category', touches),
    risingBy('textId', searchTypes),
  ]);

  const texts = await store.texts([...products, ...queries].map(({ value }) => value));
  const withText = (rising: readonly Rising[], kind: BareText['kind']): readonly RisingText[] =>
    rising
      .flatMap((entry) => {
        const text = texts.get(entry.value);
        return text?.kind === kind ? [{ ...entry, text }] : [];
      })
      .slice(0, limit);
  const all = { count: sum([...now.values()]), before: sum([...before.values()]) };
  return {
    products: withText(products, 'product'),
    categories: categories.slice(0, limit),
    queries: withText(queries, 'query'),
    totals: all,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
