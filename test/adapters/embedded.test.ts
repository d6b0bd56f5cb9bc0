// The embedded log, store and dead letters keep the guarantees of every adapter.

import { behaviourAnalysisConformance } from '../conformance/behaviour-analysis.ts';
import { deadLettersConformance } from '../conformance/dead-letters.ts';
import { eventSourceConformance } from '../conformance/event-source.ts';
import { vectorSearchConformance } from '../conformance/vector-search.ts';
import { type MakeStore, vectorStoreConformance } from '../conformance/vector-store.ts';
import { identity, reopening } from './embedded-harness.ts';

eventSourceConformance('embedded', async ({ partitions, unsettledMax }) => {
  const folder = await reopening({ partitions });
  return {
    append: async (records) => (await folder.get()).sink.append(records),
    open: async (groupId) => (await folder.get()).source(groupId, { unsettledMax, commitMs: 5 }),
    crash: () => folder.crash(),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

deadLettersConformance('embedded', async () => {
  const folder = await reopening();
  return {
    open: async () => (await folder.get()).deadLetters,
    crash: () => folder.crash(),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

const makeStore =
  (searchPlan: 'auto' | 'events-first' | 'nearest-first'): MakeStore =>
  async ({ dimensions, clock }) => {
    const folder = await reopening({ searchPlan, clock, identity: { ...identity, dimensions } });
    return {
      store: (await folder.get()).store,
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  };

vectorStoreConformance('embedded', makeStore('auto'));
behaviourAnalysisConformance('embedded', makeStore('auto'));
for (const searchPlan of ['auto', 'events-first', 'nearest-first'] as const)
  vectorSearchConformance(`embedded, ${searchPlan}`, makeStore(searchPlan));
