// Measures ways to recommend on the cases of a log: popularity, meaning, session neighbours, and
// the blend of all that the gateway makes with its default settings.

import { createPopularity } from '#core/analysis/product-counts.ts';
import type { RecommenderSettings } from '#core/analysis/recommender-settings.ts';
import { createRecommender, type RecommenderStore } from '#core/analysis/recommender.ts';
import type { Clock } from '#core/ports.ts';
import type { Case, Task } from './prediction-tasks.ts';
import { interval, mean, measure, type Measures } from './ranking-measures.ts';

export const methods = ['popular', 'meaning', 'sessions', 'blend'] as const;
export type Method = (typeof methods)[number];

export type MethodResult = {
  readonly method: Method;
  readonly hit_rate: number;
  readonly hit_rate_95: readonly [number, number];
  readonly ndcg: number;
  readonly ndcg_95: readonly [number, number];
  readonly mrr: number;
  readonly recall: number;
  /** The share of all products that is shown to somebody. */
  readonly coverage: number;
  /** The share of the places with products of few events. */
  readonly new_share: number;
  /**
   * The share of the cases with a right answer of few events in which one is among 50; `null`:
   * none.
   */
  readonly new_hit_rate_50: number | null;
  /** A recommendation, on average. */
  readonly ms: number;
};

export type EvaluationOptions = {
  readonly store: RecommenderStore;
  readonly settings: RecommenderSettings;
  readonly clock: Clock;
  readonly random: () => number;
  /** Called after each case. */
  readonly onCase: () => void;
};

const places = 20;
const morePlaces = 50;
const nothing = { items: [], sessions: 0, touches: 0 };

export async function evaluateMethod(
  task: Task,
  method: Method,
  { store, settings, clock, random, onCase }: EvaluationOptions,
): Promise<MethodResult> {
  const recommend = recommenderOf(method, store, settings, clock);
  const counts = await createPopularity(store, clock).counts([]);
  const isNew = (id: string): boolean => {
    const count = counts.of(id);
    return count > 0 && count < settings.newEventsMax;
  };
  const measures: Measures[] = [];
  const shown = new Set<string>();
  const newHits: number[] = [];
  let newPlaces = 0;
  let tookMs = 0;
  for (const item of task.cases) {
    const startedAt = clock.monotonic();
    const ranked = await recommend(item, places);
    tookMs += clock.monotonic() - startedAt;
    measures.push(measure(ranked, item.wanted, places));
    for (const id of ranked) shown.add(id);
    newPlaces += ranked.filter(isNew).length;
    const wantedNew = new Set([...item.wanted].filter(isNew));
    if (wantedNew.size > 0)
      newHits.push(measure(await recommend(item, morePlaces), wantedNew, morePlaces).hitRate);
    onCase();
  }
  const of = (name: keyof Measures): number[] => measures.map((each) => each[name]);
  const known = await store.countsBy({ by: 'productId', filter: {}, limit: 1_000_000 });
  return {
    method,
    hit_rate: mean(of('hitRate')),
    hit_rate_95: interval(of('hitRate'), random),
    ndcg: mean(of('ndcg')),
    ndcg_95: interval(of('ndcg'), random),
    mrr: mean(of('mrr')),
    recall: mean(of('recall')),
    coverage: shown.size / Math.max(1, known.length),
    new_share: newPlaces / Math.max(1, task.cases.length * places),
    new_hit_rate_50: newHits.length === 0 ? null : mean(newHits),
    ms: tookMs / Math.max(1, task.cases.length),
  };
}

/**
 * Each method is the recommender over a store that hides what the method does not know; the most
 * popular products are the same for everybody.
 */
function recommenderOf(
  method: Method,
  store: RecommenderStore,
  settings: RecommenderSettings,
  clock: Clock,
): (item: Case, limit: number) => Promise<readonly string[]> {
  const known: RecommenderStore = {
    ...store,
    ...(method === 'meaning' ? { sessionNeighbours: async () => nothing } : {}),
    ...(method === 'sessions' ? { similarProducts: async () => [] } : {}),
  };
  const popularity = createPopularity(known, clock);
  if (method === 'popular')
    return async (_, limit) =>
      (await popularity.popular({})).slice(0, limit).map(({ product }) => product.id);
  const recommend = createRecommender(known, popularity, () =>
    method === 'blend' ? settings : { ...settings, newShare: 0 },
  );
  return async ({ visitor }, limit) => {
    const { items } = await recommend({
      visitor,
      limit,
      filter: {},
      exceptProductIds: [],
      diversity: 0,
      interestHalfLifeMs: 72 * 3_600_000,
      sessionsMin: 1,
    });
    return items.map(({ product }) => product.id);
  };
}
