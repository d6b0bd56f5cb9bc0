// Who verifies the vectors of untrusted runners, as a gateway shows it.

/**
 * `trusted` also while no runner is ready. `agreement`: no trusted runner is ready, and runners
 * with three or more tokens check each other, which is weaker. `nobody`: there are fewer of them.
 */
export const verifiers = ['trusted', 'agreement', 'nobody'] as const;
export type Verifiers = (typeof verifiers)[number];
