// A runner as the scheduler knows it: its terms, its speed and its jobs.

import type { Mixed } from '#core/trust/canaries.ts';
import type { Job } from './fleet-job.ts';
import type { Pace } from './runner-pace.ts';
import type { RateLimit } from './text-rate-limit.ts';

export type RunnerTerms = {
  readonly id: string;
  readonly name: string;
  readonly textsPerSecond: number;
  readonly textsPerJobMax: number;
  /** May embed again what others have embedded. */
  readonly trusted: boolean;
  /** Shared by all runners of one join token. */
  readonly limit: RateLimit | null;
};

export type Runner = RunnerTerms & {
  readonly pace: Pace;
  /** Monotonic ms: not before, while there is other work, does it get cross-checks. */
  crossChecksFrom: number;
  /** `checks`: only checks so far. `draining`: nothing more. */
  state: 'checks' | 'serving' | 'draining';
  check: Mixed | null;
  /** In the order sent, which is the order worked: [in work, prefetched]. */
  readonly jobs: Job[];
  /** When the first of `jobs` became the one in work. */
  startedAt: number;
};

/** One in work and one prefetched. */
export const jobsPerRunnerMax = 2;

/** How long one more text would wait for its vector, ms. */
export function waitMs(runner: Runner): number {
  return runner.pace.expectedMs(runner.jobs.reduce((sum, { texts }) => sum + texts.length, 1));
}
