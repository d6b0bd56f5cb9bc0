// The reference store keeps its own guarantees with every query plan.

import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { behaviourAnalysisConformance } from '../conformance/behaviour-analysis.ts';
import { runnerBlockStoreConformance } from '../conformance/blocked-runners.ts';
import { catalogueConformance } from '../conformance/catalogue-store.ts';
import { erasureStoreConformance } from '../conformance/erasure-store.ts';
import { recommendationsConformance } from '../conformance/recommendations.ts';
import { searchRulesConformance } from '../conformance/ruled-search.ts';
import { wordSearchConformance } from '../conformance/search-by-words.ts';
import { funnelConformance } from '../conformance/session-funnel.ts';
import { searchPlans, vectorSearchConformance } from '../conformance/vector-search.ts';
import { type MakeStore, vectorStoreConformance } from '../conformance/vector-store.ts';

const makeStore =
  (searchPlan: SearchPlan): MakeStore =>
  async ({ dimensions, clock }) => ({
    store: createMemoryStore({ dimensions, searchPlan, now: () => clock.now() }),
    async [Symbol.asyncDispose]() {},
  });

vectorStoreConformance('memory', makeStore('auto'));
catalogueConformance('memory', makeStore('auto'));
erasureStoreConformance('memory', makeStore('auto'));
runnerBlockStoreConformance('memory', makeStore('auto'));
searchRulesConformance('memory', makeStore('auto'));
behaviourAnalysisConformance('memory', makeStore('auto'));
funnelConformance('memory', makeStore('auto'));
recommendationsConformance('memory', makeStore('auto'));
wordSearchConformance('memory', makeStore('auto'));
for (const searchPlan of searchPlans)
  vectorSearchConformance(`memory, ${searchPlan}`, makeStore(searchPlan));
