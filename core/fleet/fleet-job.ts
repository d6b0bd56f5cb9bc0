// A job that a runner has, and the parts of its answer: the outcomes of the requested texts, and
// the vectors that only check the runner.

import type { EmbedOutcome } from '#core/ports.ts';
import type { Mixed } from '#core/trust/canaries.ts';
import type { AnsweredText } from '#core/trust/sampler.ts';
import type { Group, Lane } from './backlog.ts';
import type { TaskResult } from './task-result.ts';

export type Job = {
  /**
   * `null`: the job belongs to no task any more, because it holds only golden texts or because its
   * texts were taken back.
   */
  group: Group | null;
  readonly lane: Lane;
  /** Monotonic ms: its answer has come, and a trusted runner checks it. */
  answeredAt: number | null;
  readonly jobId: string;
  readonly attempt: number;
  /** The texts as they were sent, canaries included. */
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

export type JobAnswer =
  /** The runner does not have this job, or no longer has it. Ignored and counted. */
  | { readonly kind: 'late' }
  /** The answer does not have one outcome per text: it is dropped, and the runner keeps the job. */
  | { readonly kind: 'miscounted'; readonly texts: number }
  | { readonly kind: 'check'; readonly outcomes: readonly EmbedOutcome[]; readonly ms: number }
  | {
      readonly kind: 'work';
      readonly lane: Lane;
      readonly ended: readonly TaskResult[];
      /** Texts that got a vector, cancelled ones included; none of a job of cross-checks. */
      readonly embedded: readonly AnsweredText[];
      readonly ms: number;
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
