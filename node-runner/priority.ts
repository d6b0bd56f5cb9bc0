// Puts this process behind others on a busy machine, so that searches and the gateway stay quick.

import { constants, setPriority } from 'node:os';

/**
 * Before the session is loaded: on Linux its threads inherit the priority, threads that run already
 * do not change theirs.
 */
export function yieldToOthers(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Some containers forbid it; embedding works as well at normal priority.
  }
}
