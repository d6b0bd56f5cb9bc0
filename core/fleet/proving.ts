// Handles the answers of an untrusted runner until it is proven: each job waits for the check of
// some of its texts, and late jobs are taken back.

import type { FleetGuard } from './fleet-guard.ts';
import type { Job } from './fleet-job.ts';
import type { Runner } from './fleet-runner.ts';
import { LateJobs, type LateJobsOptions } from './late-jobs.ts';
import { Probation, textsPerSampleMax } from './probation.ts';

/** Runners are named by their ids; one that has left is ignored. `now` is monotonic ms. */
export class Proving {
  readonly #runners: ReadonlyMap<string, Runner>;
  readonly #guard: FleetGuard;
  readonly #late: LateJobs;

  constructor(options: LateJobsOptions) {
    this.#runners = options.runners;
    this.#guard = options.guard;
    this.#late = new LateJobs(options);
  }

  /** Whether trusted runners guard the fleet (see `FleetGuard`). */
  isGuarded(now: number): boolean {
    return this.#guard.isGuarded(now);
  }

  /** Whether this runner's work is used only once it is checked. */
  isNewcomer(id: string, now: number): boolean {
    const runner = this.#runners.get(id);
    return runner !== undefined && this.#guard.isNewcomer(runner, now);
  }

  /** Takes texts back from newcomers, and searches from anyone, that are late. Call it often. */
  takeBackLate(now: number): void {
    this.#late.takeBack(now);
  }

  /** A search was answered after `ms`. */
  searched(runner: Runner, ms: number): void {
    this.#late.answered(runner, ms);
  }

  /**
   * Whether this job's answer must be checked before any of it is used. From now on the job counts
   * as answered: no deadline applies, and it waits for `agreed` or `release`.
   */
  awaitsCheck(id: string, job: Job, now: number): boolean {
    const runner = this.#runners.get(id);
    if (runner === undefined || job.lane !== 'bulk' || job.group === null) return false;
    if (!this.#guard.isNewcomer(runner, now)) return false;
    job.answeredAt = now;
    return true;
  }

  /** The job's texts go to other runners, and its answer is dropped. */
  release(id: string, job: Job): void {
    const runner = this.#runners.get(id);
    if (runner !== undefined) this.#late.release(runner, job);
  }

  /** So many texts of a newcomer's job were checked and right. */
  agreed(id: string, { texts, answeredAt }: Job, checked: number): void {
    const runner = this.#runners.get(id);
    if (runner?.probation.agree(checked) === true)
      runner.pace.proven(texts.length, (answeredAt ?? runner.startedAt) - runner.startedAt);
  }

  /** Its work is used before its checks have come, but is still sampled densely. */
  isJustProven(id: string, now: number): boolean {
    const runner = this.#runners.get(id);
    return runner !== undefined && this.#guard.isJustProven(runner, now);
  }

  /** One text of so many of the runner's work is sampled. */
  textsPerSample(id: string, now: number): number {
    return this.isJustProven(id, now) ? this.probation(id).textsPerSample : textsPerSampleMax;
  }

  /** A sample of the runner's work waits for a trusted runner. */
  sampled(id: string): void {
    this.#runners.get(id)?.probation.wait(1);
  }

  /** That sample waits no more. `isRight`: it was compared, and was right. */
  compared(id: string, isRight: boolean): void {
    const runner = this.#runners.get(id);
    runner?.probation.wait(-1);
    if (runner === undefined || !isRight || !runner.probation.isProven) return;
    runner.probation.agree(1);
    runner.pace.trustMore();
  }

  /** The runner must prove itself again. */
  fallBack(id: string): void {
    this.#runners.get(id)?.probation.fallBack();
  }

  /** How far the runner is proven. */
  probation(id: string): Omit<Probation, 'agree' | 'wait' | 'fallBack'> {
    return this.#runners.get(id)?.probation ?? new Probation();
  }
}
