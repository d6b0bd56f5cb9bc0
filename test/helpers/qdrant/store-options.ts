// Options of a Qdrant store for tests, with small vectors and test names.

import { ownEventTypes } from '#core/event/event-types.ts';
import type { Clock } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import type { QdrantStoreOptions } from '../../../gateway/qdrant/qdrant-store.ts';

type Choices = {
  readonly dimensions?: number;
  readonly clock?: Clock;
  readonly searchPlan?: SearchPlan;
  readonly name?: string;
  readonly apiKey?: string;
  readonly timeoutMs?: number;
};

export function storeOptions(
  url: string,
  {
    dimensions = 8,
    clock = systemClock,
    searchPlan = 'auto',
    name = 'test',
    apiKey,
    timeoutMs = 10_000,
  }: Choices = {},
): QdrantStoreOptions {
  return {
    url,
    timeoutMs,
    clock,
    searchPlan,
    eventTypes: [...ownEventTypes.names, 'click'],
    apiKey: apiKey ?? process.env['QDRANT_API_KEY'] ?? null,
    collections: {
      texts: `${name}_texts`,
      events: `${name}_events`,
      products: `${name}_products`,
    },
    storage: { vectorsOnDisk: false, quantisation: 'none', shards: 1, replicas: 1 },
    identity: { modelId: 'model', modelRevision: 'revision', dimensions, templateHash: 'template' },
  };
}
