// The configuration that a supervisor gives the runner page before the page's script runs; a tab
// that a person opened has none.

import type { RunnerOptions } from './page-status.ts';

/**
 * `window.vectorstreamPageConfig`. It holds the token, so it is in no URL, process argument or log,
 * and the page removes it once it has read it.
 */
export type PageConfig = Pick<
  RunnerOptions,
  'token' | 'name' | 'device' | 'dtype' | 'speedupMin' | 'threads'
>;

declare global {
  interface Window {
    vectorstreamPageConfig?: PageConfig;
  }
}
