// The states in which a gateway shows a runner.

/**
 * `joining`: connected, its vectors not checked yet. `quarantined`: found wrong, and not connected
 * any more.
 */
export const runnerStates = ['joining', 'ready', 'draining', 'quarantined'] as const;
export type RunnerState = (typeof runnerStates)[number];
