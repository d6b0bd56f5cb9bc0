// The settings in the section `qdrant`: its address and its collections.

import { httpUrl, integer, oneOf, secret, text, yesOrNo } from '../setting-types.ts';
import { minute } from '../units.ts';

export const qdrantSection = {
  url: httpUrl({
    env: 'QDRANT_URL',
    flag: 'qdrant-url',
    help: 'Address of Qdrant. Without a port, 6333 is used.',
  }),
  apiKey: secret({ env: 'QDRANT_API_KEY', help: 'API key of Qdrant.' }),
  collection: text({
    default: 'ecommerce_embeddings',
    env: 'QDRANT_COLLECTION',
    help:
      'Collection or alias of the texts with their vectors. ' +
      'If it does not exist, the gateway creates it.',
  }),
  eventsCollection: text({
    default: 'ecommerce_events',
    env: 'QDRANT_EVENTS_COLLECTION',
    help:
      'Collection or alias of the events, which have no vectors. ' +
      'If it does not exist, the gateway creates it.',
  }),
  productsCollection: text({
    default: 'ecommerce_products',
    env: 'QDRANT_PRODUCTS_COLLECTION',
    help:
      'Collection or alias of the catalogue, which has no vectors. ' +
      'If it does not exist, the gateway creates it.',
  }),
  timeoutMs: integer({
    default: 10_000,
    min: 100,
    max: 10 * minute,
    help:
      'Time limit for an answer of Qdrant (milliseconds). ' +
      'After that the request is cancelled and retried.',
  }),
  vectorsOnDisk: yesOrNo({
    default: false,
    help: 'Whether a new collection reads its vectors from disk instead of holding them in memory.',
  }),
  quantisation: oneOf(['none', 'scalar', 'binary'], {
    default: 'none',
    help:
      'Quantisation of a new collection, whose searches then compare smaller copies of the ' +
      'vectors ' +
      'first: 8 bits (scalar) or 1 bit (binary) per number.',
  }),
  shards: integer({
    default: 1,
    min: 1,
    max: 1024,
    help: 'Number of shards of a new collection.',
  }),
  replicas: integer({
    default: 1,
    min: 1,
    max: 64,
    help: 'Number of copies of each shard of a new collection.',
  }),
} as const;
