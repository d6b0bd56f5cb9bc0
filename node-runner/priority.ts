// Lowers this process's priority, so that searches and the gateway stay fast on a busy machine.

import { constants, setPriority } from 'node:os';

/**
 * Call it before the session is loaded: on Linux new threads inherit the priority, and running
 * threads keep theirs.
 */
export function yieldToOthers(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Some containers forbid it; embedding also works at normal priority.
  }
}
