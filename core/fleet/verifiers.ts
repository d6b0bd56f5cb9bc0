// Who verifies the vectors of untrusted runners, as a gateway shows it.

/** `nobody`: some are ready, and no trusted runner is. `trusted` also while there are none. */
export const verifiers = ['trusted', 'nobody'] as const;
export type Verifiers = (typeof verifiers)[number];
