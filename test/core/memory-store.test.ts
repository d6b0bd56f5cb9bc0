// The reference store keeps its own guarantees, by every plan.

import { createMemoryStore } from '#core/memory/memory-store.ts';
import { behaviourAnalysisConformance } from '../conformance/behaviour-analysis.ts';
import { vectorSearchConformance } from '../conformance/vector-search.ts';
import { type MakeStore, vectorStoreConformance } from '../conformance/vector-store.ts';

const makeStore =
  (searchPlan: 'auto' | 'events-first' | 'nearest-first'): MakeStore =>
  async ({ dimensions, clock }) => ({
    store: createMemoryStore({ dimensions, searchPlan, now: () => clock.now() }),
    async [Symbol.asyncDispose]() {},
  });

vectorStoreConformance('memory', makeStore('auto'));
behaviourAnalysisConformance('memory', makeStore('auto'));
for (const searchPlan of ['auto', 'events-first', 'nearest-first'] as const)
  vectorSearchConformance(`memory, ${searchPlan}`, makeStore(searchPlan));
