// What a supervisor tells the runner page before the page's script runs; a person's tab has none.

import type { RunnerOptions } from './page-status.ts';

/**
 * `window.vectorstreamPageConfig`: in no address, no argument of a process and no log, and gone
 * once the page has read it.
 */
export type PageConfig = Pick<RunnerOptions, 'token' | 'name' | 'device' | 'dtype' | 'threads'>;

declare global {
  interface Window {
    vectorstreamPageConfig?: PageConfig;
  }
}
