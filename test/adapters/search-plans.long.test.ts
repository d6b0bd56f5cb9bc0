// Searches give the same answers by each search plan alone, on the embedded store and on Qdrant.

import { afterAll, beforeAll, describe } from 'vitest';
import { vectorSearchConformance } from '../conformance/vector-search.ts';
import { startQdrantDouble, type QdrantDouble } from '../helpers/qdrant-double.ts';
import { qdrantStoreMaker } from '../helpers/qdrant/store-maker.ts';
import { embeddedStoreMaker } from './embedded-harness.ts';

let double: QdrantDouble;
beforeAll(async () => {
  double = await startQdrantDouble();
});
afterAll(() => double[Symbol.asyncDispose]());

describe.each(['events-first', 'nearest-first'] as const)('%s', (plan) => {
  vectorSearchConformance(`embedded, ${plan}`, embeddedStoreMaker(plan));
  vectorSearchConformance(
    `Qdrant double, ${plan}`,
    qdrantStoreMaker(() => double.url, plan),
  );
});
