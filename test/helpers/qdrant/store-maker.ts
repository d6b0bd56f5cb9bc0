// Makes Qdrant stores for conformance suites, and removes all of their data from the server.

import { randomUUID } from 'node:crypto';
import { featuresVersion } from '#core/vectors/lexical/word-features.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { openQdrantStore, type QdrantStoreOptions } from '../../../gateway/qdrant/qdrant-store.ts';
import type { MakeStore } from '../../conformance/vector-store.ts';
import { storeOptions } from './store-options.ts';

/** Every store gets its own collections, all of which are deleted with it. */
export const qdrantStoreMaker =
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
        for (const name of collectionsOf(options))
          await fetch(`${url}/collections/${name}`, {
            method: 'DELETE',
            headers: { 'api-key': options.apiKey ?? '' },
          });
      },
    };
  };

/** The store keeps what is about runners and erasures in collections named after its texts. */
const collectionsOf = ({ collections }: QdrantStoreOptions): readonly string[] => [
  ...Object.values(collections),
  `${collections.texts}_words_${featuresVersion}`,
  `${collections.texts}_sessions`,
  `${collections.texts}_erasures`,
  `${collections.texts}_blocks`,
];
