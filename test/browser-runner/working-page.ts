// The status of a page that has joined the fleet.

import type { RunnerPageStatus } from '#core/runner/page-status.ts';

export const workingPage: RunnerPageStatus = {
  state: 'working',
  since: 0,
  name: 'tested',
  device: 'wasm',
  dtype: 'q8',
  adapter: null,
  softwareAdapter: false,
  threads: 4,
  crossOriginIsolated: true,
  modelId: 'model',
  modelRevision: 'abc',
  measured: [],
  progress: null,
  runnerId: 'r',
  textsEmbedded: 7,
  jobsDone: 1,
  textsPerSecond: 100,
  lastJobAt: 1,
  restarts: 0,
  lastError: null,
  tokenRefused: false,
  history: [],
  memoryBytes: null,
};
