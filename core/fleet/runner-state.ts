// The states of a runner that a gateway shows.

/**
 * `joining`: connected, its vectors are not checked yet. `quarantined`: its vectors were wrong, and
 * it is no longer connected.
 */
export const runnerStates = ['joining', 'ready', 'draining', 'quarantined'] as const;
export type RunnerState = (typeof runnerStates)[number];
