// The Qdrant store keeps every guarantee of a vector store: always on the double, and on a real
// server where QDRANT_URL names one.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { openQdrantStore } from '../../gateway/qdrant/qdrant-store.ts';
import { behaviourAnalysisConformance } from '../conformance/behaviour-analysis.ts';
import { vectorSearchConformance } from '../conformance/vector-search.ts';
import { type MakeStore, vectorStoreConformance } from '../conformance/vector-store.ts';
import { type QdrantDouble, startQdrantDouble } from '../helpers/qdrant-double.ts';
import { storeOptions } from '../helpers/qdrant/store-options.ts';

/** Every store gets its own collections, which are deleted with it. */
const makeStoreAt =
  (urlOf: () => string, searchPlan: SearchPlan): MakeStore =>
  async ({ dimensions, clock }) => {
    const url = urlOf();
    const options = storeOptions(url, {
      dimensions,
      clock,
      searchPlan,
      name: `conformance_${randomUUID()}`,
    });
    const store = await openQdrantStore(options, () => undefined);
    return {
      store,
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        for (const name of Object.values(options.collections))
          await fetch(`${url}/collections/${name}`, {
            method: 'DELETE',
            headers: { 'api-key': options.apiKey ?? '' },
          });
      },
    };
  };

function conformance(name: string, urlOf: () => string): void {
  vectorStoreConformance(name, makeStoreAt(urlOf, 'auto'));
  behaviourAnalysisConformance(name, makeStoreAt(urlOf, 'auto'));
  for (const plan of ['auto', 'events-first', 'nearest-first'] as const)
    vectorSearchConformance(`${name}, ${plan}`, makeStoreAt(urlOf, plan));
}

describe('on the double', () => {
  let double: QdrantDouble;
  beforeAll(async () => {
    double = await startQdrantDouble();
  });
  afterAll(() => double[Symbol.asyncDispose]());
  conformance('Qdrant double', () => double.url);
});

const server = process.env['QDRANT_URL'];
describe.skipIf(server === undefined)(
  'on a real server (set QDRANT_URL, and QDRANT_API_KEY if it requires a key)',
  () => {
    conformance('Qdrant', () => server ?? '');
  },
);
