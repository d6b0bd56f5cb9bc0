// The page with which a tab, or a headless browser, embeds for the fleet.

import { render } from 'preact';
import type { RunnerPageStatus } from './status.ts';

const status: RunnerPageStatus = {
  state: 'idle', since: Date.now(), name: 'tab', device: null, dtype: null, adapter: null, softwareAdapter: false, threads: 1, crossOriginIsolated,
  modelId: null, modelRevision: null, measured: [], progress: null, runnerId: null, textsEmbedded: 0, jobsDone: 0, textsPerSecond: 0, lastJobAt: null,
  restarts: 0, lastError: null, history: [], memoryBytes: null,
};
window.vectorstream = { status, stop: async () => undefined };
render(<main><h1>VectorStream runner</h1><p>{status.state}</p></main>, document.getElementById('app') ?? document.body);
