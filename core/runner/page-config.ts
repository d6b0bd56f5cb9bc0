// What a supervisor tells the runner page before the page's script runs; a person's tab has none.

import type { RunnerOptions } from './page-status.ts';

/**
 * `window.vectorstreamOrders`: in no address, no argument of a process and no log, and gone once
 * the page has read it.
 */
export type PageOrders = Pick<RunnerOptions, 'token' | 'name' | 'device' | 'dtype' | 'threads'>;

declare global {
  interface Window {
    vectorstreamOrders?: PageOrders;
  }
}
