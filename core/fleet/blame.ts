// Decides who tries a text again after a failure, and when it has failed often enough: by the word
// of those who are believed.

import type { Group, Task } from './backlog.ts';
import type { Runner } from './fleet-runner.ts';

/**
 * While the trusted runner is away, a text may fail alone so much oftener: it must end, and not
 * soon for want of an honest runner.
 */
const untrustedAttemptsFactor = 4;

export type Blame = {
  readonly attemptsAloneMax: number;
  /** One has been there, or is to come. */
  readonly expectsTrusted: boolean;
};

/**
 * Runners that are sick or hostile must not bury good texts: where a trusted one is expected, the
 * last failure is its.
 */
export function isGivenUp(
  { failuresAlone }: Task,
  runner: Runner,
  { attemptsAloneMax, expectsTrusted }: Blame,
): boolean {
  return (
    failuresAlone >=
    attemptsAloneMax * (runner.trusted || !expectsTrusted ? 1 : untrustedAttemptsFactor)
  );
}

/**
 * A group that this runner has failed waits for another one, if there is any; a text about to be
 * given up, for a trusted one.
 */
export function isForAnother(
  group: Group,
  runner: Runner,
  runners: Iterable<Runner>,
  { attemptsAloneMax }: Blame,
): boolean {
  const others = [...runners].filter((other) => other !== runner && other.state === 'serving');
  const [alone, ...more] = group.tasks;
  const isLast =
    more.length === 0 && alone !== undefined && alone.failuresAlone + 1 >= attemptsAloneMax;
  if (isLast && (runner.trusted || others.some(({ trusted }) => trusted))) return !runner.trusted;
  return group.failedBy === runner.id && others.length > 0;
}
