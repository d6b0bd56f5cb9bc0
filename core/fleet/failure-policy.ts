// Decides which runner tries a text again after a failure, and when the text has failed often
// enough to be given up.

import { backoffMs } from '#core/time/retry.ts';
import type { Group, Task } from './backlog.ts';
import type { FleetGuard } from './fleet-guard.ts';
import type { Runner } from './fleet-runner.ts';

/** An event's text is given up once untrusted runners of this many owners have refused it. */
const refusingOwnersMin = 3;

/** How long runners of an owner that has refused a held text do not get it again. */
const retryHeld = { delayMs: 10_000, delayMsMax: 10 * 60_000 };

/** A text failed alone on this runner, at `now` (monotonic ms). */
export function failedAlone(
  task: Task,
  { trusted, owner }: Runner,
  attemptsAloneMax: number,
  now: number,
): void {
  task.failuresAlone += 1;
  if (!trusted) task.refusedBy.add(owner);
  const triesHeld = task.failuresAlone - attemptsAloneMax + 1;
  if (triesHeld > 0) task.retryAt = now + backoffMs(retryHeld, triesHeld);
}

/**
 * Whether the text ends now as failed, after `failedAlone`. A failing or malicious runner must not
 * be able to dead-letter good texts: a trusted runner must have tried the text, or runners of
 * several owners. Until then the text is held. The client of a search gets its answer at once, and
 * a vote among owners does not wait for one whose runner failed.
 */
export function isGivenUp(
  { failuresAlone, refusedBy, lane }: Task,
  runner: Runner,
  attemptsAloneMax: number,
): boolean {
  if (lane === 'peer-check') return true;
  if (failuresAlone < attemptsAloneMax) return false;
  if (lane === 'search') return true;
  return runner.trusted || refusedBy.size >= refusingOwnersMin;
}

/** The text has failed too often for any runner to get it. */
export const isHeld = (group: Group, attemptsAloneMax: number): boolean =>
  group.tasks.length === 1 && (group.tasks[0]?.failuresAlone ?? 0) >= attemptsAloneMax;

/** `now`: monotonic ms. */
export type AssignContext = {
  readonly runners: Iterable<Runner>;
  readonly guard: FleetGuard;
  readonly attemptsAloneMax: number;
  readonly now: number;
};

/**
 * Whether this runner must leave the group to another one. A text for one owner waits for a runner
 * of it; a group that this runner has failed for any other serving runner; a text before its last
 * attempt, or a search that was not answered, waits for a trusted one; a group that was taken back
 * from a newcomer for a believed one; and a text that this runner must not embed for one that may.
 * A held text waits for a trusted runner or one of another owner, and is tried again by its owners
 * only rarely.
 */
export function isForAnother(
  group: Group,
  runner: Runner,
  { runners, guard, attemptsAloneMax, now }: AssignContext,
): boolean {
  if (group.tasks.some(({ onlyFor }) => (onlyFor ?? runner.owner) !== runner.owner)) return true;
  const others = [...runners].filter((other) => other !== runner && other.state === 'serving');
  const isLeft = textsForOthers(runner, others);
  if (group.tasks.some(({ text }) => isLeft(text))) return true;
  if (group.isForProven && guard.mustLeave(runner, 'proven', now)) return true;
  const [alone, ...more] = group.tasks;
  if (group.failedBy !== null && alone?.lane === 'search' && !runner.trusted)
    if (others.some(({ trusted, id }) => trusted && id !== group.failedBy)) return true;
  if (more.length === 0 && alone !== undefined && alone.failuresAlone + 1 >= attemptsAloneMax) {
    if (runner.trusted) return false;
    if (others.some(({ trusted }) => trusted)) return true;
    if (alone.failuresAlone >= attemptsAloneMax)
      return alone.refusedBy.has(runner.owner) && now < alone.retryAt;
  }
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
