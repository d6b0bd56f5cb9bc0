// A runner as the scheduler knows it: its terms, its speed and its jobs.

import type { Mixed } from '#core/trust/canaries.ts';
import type { Job } from './fleet-job.ts';
import type { Probation } from './probation.ts';
import type { Pace } from './runner-pace.ts';
import type { TextRateLimit } from './text-rate-limit.ts';

export type RunnerTerms = {
  readonly id: string;
  readonly name: string;
  readonly textsPerSecond: number;
  readonly textsPerJobMax: number;
  /** Whom it belongs to, as far as its token says. */
  readonly owner: string;
  /** May embed again what other runners have embedded. */
  readonly trusted: boolean;
  /** Texts to which it would give wrong vectors, because its version is older; `null`: none. */
  readonly mustNotEmbed: ((text: string) => boolean) | null;
  /** Shared by all runners of one join token. */
  readonly limit: TextRateLimit | null;
};

export type Runner = RunnerTerms & {
  readonly pace: Pace;
  readonly probation: Probation;
  /** Searches in a row that it answered late or not at all. */
  searchMisses: number;
  /** Monotonic ms: while other work waits, it gets no checks of this kind before this time. */
  readonly checksFrom: Record<'first-check' | 'cross-check' | 'peer-check', number>;
  /** `checks`: it gets only checks so far. `draining`: it gets nothing more. */
  state: 'checks' | 'serving' | 'draining';
  /** Golden texts that are its next job, or `null`. */
  check: Mixed | null;
  /** Jobs in the order sent, which is the order of work: [in work, prefetched]. */
  readonly jobs: Job[];
  /** Monotonic ms: when the first of `jobs` became the one in work. */
  startedAt: number;
};

/** One in work and one prefetched. */
export const jobsPerRunnerMax = 2;

/** How long one more text would wait for its vector, in ms. */
export function waitMs(runner: Runner): number {
  return runner.pace.expectedMs(runner.jobs.reduce((sum, { texts }) => sum + texts.length, 1));
}
