// Takes texts back from runners that are late with them, long before the job's deadline ends the
// connection: from newcomers, and from runners that a search waits for.

import type { FleetGuard } from './fleet-guard.ts';
import type { Job } from './fleet-job.ts';
import type { Runner } from './fleet-runner.ts';
import type { TextRetries } from './text-retries.ts';

/** How long a newcomer may work on its small jobs, ms. */
const newcomerJobMsMax = 3_000;
/** This many late searches in a row cost an untrusted runner its place in the search lane. */
const searchMissesMax = 3;

export type LateJobsOptions = {
  readonly runners: ReadonlyMap<string, Runner>;
  readonly guard: FleetGuard;
  readonly retries: TextRetries;
  /** See `FleetOptions`. */
  readonly options: { readonly searchJobMsMax: number };
};

export class LateJobs {
  readonly #options: LateJobsOptions;

  constructor(options: LateJobsOptions) {
    this.#options = options;
  }

  /**
   * Call it often. The runner keeps the empty job until it answers or its deadline is over. One
   * that serves alone keeps its texts: nobody else could embed them.
   */
  takeBack(now: number): void {
    const runners = [...this.#options.runners.values()];
    if (runners.filter(({ state }) => state === 'serving').length < 2) return;
    for (const runner of runners) {
      const [job] = runner.jobs;
      if (job === undefined || job.answeredAt !== null || job.group === null) continue;
      if (now - runner.startedAt <= this.#allowedMs(runner, job, now)) continue;
      if (job.lane === 'search') missed(runner);
      this.release(runner, job);
    }
  }

  /** The job's texts go to other runners, without blame. */
  release(runner: Runner, job: Job): void {
    const { group } = job;
    if (group === null) return;
    job.group = null;
    group.failedBy = runner.id;
    this.#options.retries.requeue(group, runner);
  }

  /** A search was answered. */
  answered(runner: Runner, ms: number): void {
    if (ms > this.#options.options.searchJobMsMax) missed(runner);
    else runner.searchMisses = 0;
  }

  #allowedMs(runner: Runner, { lane }: Job, now: number): number {
    if (lane === 'search') return this.#options.options.searchJobMsMax;
    return this.#options.guard.isNewcomer(runner, now) ? newcomerJobMsMax : Infinity;
  }
}

/** Whether searches may go to this runner. */
export const hasSearchPlace = ({ trusted, searchMisses }: Runner): boolean =>
  trusted || searchMisses < searchMissesMax;

function missed(runner: Runner): void {
  runner.searchMisses += 1;
}
