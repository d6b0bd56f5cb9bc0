// The Qdrant store keeps every guarantee of a vector store: always on the double, and on a real
// server where QDRANT_URL names one.

import { afterAll, beforeAll, describe } from 'vitest';
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
import { vectorStoreConformance } from '../conformance/vector-store.ts';
import { type QdrantDouble, startQdrantDouble } from '../helpers/qdrant-double.ts';
import { qdrantStoreMaker } from '../helpers/qdrant/store-maker.ts';

function conformance(name: string, urlOf: () => string, plans: readonly SearchPlan[]): void {
  vectorStoreConformance(name, qdrantStoreMaker(urlOf, 'auto'));
  behaviourAnalysisConformance(name, qdrantStoreMaker(urlOf, 'auto'));
  funnelConformance(name, qdrantStoreMaker(urlOf, 'auto'));
  recommendationsConformance(name, qdrantStoreMaker(urlOf, 'auto'));
  wordSearchConformance(name, qdrantStoreMaker(urlOf, 'auto'));
  catalogueConformance(name, qdrantStoreMaker(urlOf, 'auto'));
  erasureStoreConformance(name, qdrantStoreMaker(urlOf, 'auto'));
  runnerBlockStoreConformance(name, qdrantStoreMaker(urlOf, 'auto'));
  searchRulesConformance(name, qdrantStoreMaker(urlOf, 'auto'));
  for (const plan of plans)
    vectorSearchConformance(`${name}, ${plan}`, qdrantStoreMaker(urlOf, plan));
}

describe('on the double', () => {
  let double: QdrantDouble;
  beforeAll(async () => {
    double = await startQdrantDouble();
  });
  afterAll(() => double[Symbol.asyncDispose]());
  // The long tests have the other plans.
  conformance('Qdrant double', () => double.url, ['auto']);
});

const server = process.env['QDRANT_URL'];
describe.skipIf(server === undefined)(
  'on a real server (set QDRANT_URL, and QDRANT_API_KEY if it requires a key)',
  () => {
    conformance('Qdrant', () => server ?? '', searchPlans);
  },
);
