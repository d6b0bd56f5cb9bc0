// A job that a runner has, and its answer told apart: what was asked for, what only checks the
// runner, and what it embedded.

import type { EmbedOutcome } from '#core/ports.ts';
import type { Mixed } from '#core/trust/canaries.ts';
import type { AnsweredText } from '#core/trust/sampler.ts';
import type { Group, Lane } from './backlog.ts';

export type Job = {
  /** `null`: nothing but golden texts, which are nobody's task. */
  readonly group: Group | null;
  readonly jobId: string;
  readonly attempt: number;
  /** As they were sent, canaries included. */
  readonly texts: readonly string[];
  readonly canaries: Mixed['canaries'];
  readonly deadlineMs: number;
};

/** A job to hand to a runner now. */
export type Assignment = {
  readonly runner: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly deadlineMs: number;
  readonly texts: readonly string[];
};

/**
 * What may be put between the texts of a job that this runner is about to get. `room`: so many more
 * texts fit.
 */
export type MixIn = (
  runner: string,
  job: {
    readonly lane: Lane;
    readonly texts: readonly string[];
    readonly textsPerSecond: number;
    readonly room: number;
    readonly now: number;
  },
) => Mixed;

export const nothingMixedIn: MixIn = (_runner, { texts }) => ({ texts, canaries: new Map() });

/** One outcome per task of the job's group, in order. */
export function outcomesOfTasks(
  { canaries }: Job,
  outcomes: readonly EmbedOutcome[],
): readonly EmbedOutcome[] {
  return canaries.size === 0 ? outcomes : outcomes.filter((_, at) => !canaries.has(at));
}

/** Texts of real work with the vectors that the runner gave them. */
export function answeredTexts(
  { texts, canaries }: Job,
  outcomes: readonly EmbedOutcome[],
): readonly AnsweredText[] {
  return texts.flatMap((text, at) => {
    const outcome = outcomes[at];
    return outcome?.ok && !canaries.has(at) ? [{ text, vector: outcome.vector }] : [];
  });
}
