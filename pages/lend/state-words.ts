// Names the states of a lent tab in plain words.

import type { PageRunnerState } from '#core/runner/page-status.ts';

const words: Readonly<Record<PageRunnerState, readonly [text: string, tone: string]>> = {
  idle: ['Not in the fleet', ''],
  starting: ['Asking the gateway', 'is-busy'],
  loading: ['Loading the model and checking its vectors', 'is-busy'],
  connecting: ['Connecting to the gateway', 'is-busy'],
  working: ['In the fleet', 'is-good'],
  restarting: ['Starting again', 'is-busy'],
  stopped: ['Left the fleet', ''],
  failed: ['Cannot continue', 'is-bad'],
};

export const headline = (state: PageRunnerState): string => words[state][0];
export const tone = (state: PageRunnerState): string => words[state][1];
