// The embedded log, store and dead letters keep the guarantees of every adapter.

import { behaviourAnalysisConformance } from '../conformance/behaviour-analysis.ts';
import { runnerBlockStoreConformance } from '../conformance/blocked-runners.ts';
import { catalogueConformance } from '../conformance/catalogue-store.ts';
import { deadLettersConformance } from '../conformance/dead-letters.ts';
import { erasureStoreConformance } from '../conformance/erasure-store.ts';
import { eventSourceConformance } from '../conformance/event-source.ts';
import { recommendationsConformance } from '../conformance/recommendations.ts';
import { searchRulesConformance } from '../conformance/ruled-search.ts';
import { wordSearchConformance } from '../conformance/search-by-words.ts';
import { funnelConformance } from '../conformance/session-funnel.ts';
import { vectorSearchConformance } from '../conformance/vector-search.ts';
import { vectorStoreConformance } from '../conformance/vector-store.ts';
import { embeddedStoreMaker, reopening } from './embedded-harness.ts';

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

vectorStoreConformance('embedded', embeddedStoreMaker('auto'));
catalogueConformance('embedded', embeddedStoreMaker('auto'));
erasureStoreConformance('embedded', embeddedStoreMaker('auto'));
runnerBlockStoreConformance('embedded', embeddedStoreMaker('auto'));
searchRulesConformance('embedded', embeddedStoreMaker('auto'));
behaviourAnalysisConformance('embedded', embeddedStoreMaker('auto'));
funnelConformance('embedded', embeddedStoreMaker('auto'));
recommendationsConformance('embedded', embeddedStoreMaker('auto'));
wordSearchConformance('embedded', embeddedStoreMaker('auto'));
vectorSearchConformance('embedded, auto', embeddedStoreMaker('auto'));
