// Decides which runner tries a text again after a failure, and when the text has failed often
// enough to be given up.

import type { Group, Task } from './backlog.ts';
import type { Runner } from './fleet-runner.ts';

/**
 * While the trusted runner is away, a text may fail alone this many times as often. The text must
 * end at some point, but not soon just because no honest runner is connected.
 */
const untrustedAttemptsFactor = 4;

export type FailurePolicy = {
  /** How often a text that is alone in its job may fail. */
  readonly attemptsAloneMax: number;
  /** A trusted runner has been connected, or the gateway starts one. */
  readonly expectsTrusted: boolean;
};

/**
 * Whether the text ends now as failed. A failing or malicious runner must not be able to
 * dead-letter good texts: if a trusted runner is expected, it must make the last attempt.
 */
export function isGivenUp(
  { failuresAlone }: Task,
  runner: Runner,
  { attemptsAloneMax, expectsTrusted }: FailurePolicy,
): boolean {
  const factor = runner.trusted || !expectsTrusted ? 1 : untrustedAttemptsFactor;
  return failuresAlone >= factor * attemptsAloneMax;
}

/**
 * Whether this runner must leave the group to another one. A group that it has failed waits for any
 * other serving runner; a text before its last attempt waits for a trusted one, and one that this
 * runner must not embed for one that may.
 */
export function isForAnother(
  group: Group,
  runner: Runner,
  runners: Iterable<Runner>,
  attemptsAloneMax: number,
): boolean {
  const others = [...runners].filter((other) => other !== runner && other.state === 'serving');
  const isLeft = textsForOthers(runner, others);
  if (group.tasks.some(({ text }) => isLeft(text))) return true;
  const [alone, ...more] = group.tasks;
  const isLastAttempt =
    more.length === 0 && alone !== undefined && alone.failuresAlone + 1 >= attemptsAloneMax;
  if (isLastAttempt && (runner.trusted || others.some(({ trusted }) => trusted)))
    return !runner.trusted;
  return group.failedBy === runner.id && others.length > 0;
}

/** Which texts this runner must leave to others: none while no serving one may embed them. */
export function textsForOthers(
  { mustNotEmbed }: Runner,
  others: Iterable<Runner>,
): (text: string) => boolean {
  const canLeave = [...others].some(
    (other) => other.state === 'serving' && other.mustNotEmbed === null,
  );
  return mustNotEmbed !== null && canLeave ? mustNotEmbed : () => false;
}
