// A job that a runner has, and the parts of its answer: the outcomes of the requested texts, and
// the vectors that only check the runner.

import type { EmbedOutcome } from '#core/ports.ts';
import type { Mixed } from '#core/trust/canaries.ts';
import type { AnsweredText } from '#core/trust/sampler.ts';
import type { Group, Lane } from './backlog.ts';

export type Job = {
  /** `null`: the job holds only golden texts, which belong to no task. */
  readonly group: Group | null;
  readonly jobId: string;
  readonly attempt: number;
  /** As they were sent, canaries included. */
  readonly texts: readonly string[];
  readonly canaries: Mixed['canaries'];
  readonly deadlineMs: number;
};

/** A job to send to a runner now. */
export type Assignment = {
  readonly runner: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly deadlineMs: number;
  readonly texts: readonly string[];
};

/** Adds canaries to the texts of a job that this runner is about to get. */
export type MixIn = (
  runner: string,
  job: {
    readonly lane: Lane;
    readonly texts: readonly string[];
    readonly textsPerSecond: number;
    /** How many more texts fit the job. */
    readonly room: number;
    /** Monotonic ms. */
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

/** The job's texts that got a vector, each with its vector; canaries are left out. */
export function answeredTexts(
  { texts, canaries }: Job,
  outcomes: readonly EmbedOutcome[],
): readonly AnsweredText[] {
  return texts.flatMap((text, at) => {
    const outcome = outcomes[at];
    return outcome?.ok && !canaries.has(at) ? [{ text, vector: outcome.vector }] : [];
  });
}
