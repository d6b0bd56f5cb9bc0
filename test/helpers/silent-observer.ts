// An observer of the pipeline that reports nothing: tests replace the members that they look at.

import type { PipelineObserver } from '#core/pipeline/pipeline-observer.ts';

export const silentObserver: PipelineObserver = {
  received: () => undefined,
  stored: () => undefined,
  erased: () => undefined,
  deleted: () => undefined,
  superseded: () => undefined,
  changed: () => undefined,
  ignored: () => undefined,
  deadLettered: () => undefined,
  cacheRequest: () => undefined,
  storeWrite: () => undefined,
  retried: () => undefined,
  circuit: () => undefined,
};
