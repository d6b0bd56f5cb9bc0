// Decides which runner embeds which texts, and what becomes of a job whose runner is lost: every
// text ends exactly once.

import { assert } from '#core/errors/assert.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import { wireLimits } from '#core/protocol/wire.ts';
import type { Mixed } from '#core/trust/canaries.ts';
import type { AnsweredText } from '#core/trust/sampler.ts';
import { Backlog, type Group, type Lane, type Task } from './backlog.ts';
import { isForAnother, isGivenUp, type Blame } from './blame.ts';
import {
  answeredTexts,
  outcomesOfTasks,
  type Assignment,
  type Job,
  type MixIn,
} from './fleet-job.ts';
import { jobsPerRunnerMax, waitMs, type Runner, type RunnerTerms } from './fleet-runner.ts';
import { Pace, type PaceOptions } from './runner-pace.ts';

export type FleetOptions = {
  readonly pace: PaceOptions;
  /**
   * How often a text that is alone in its job may fail before it is given up: by a trusted runner,
   * where there is one.
   */
  readonly attemptsAloneMax: number;
  /** Texts that may wait or be in work at once. */
  readonly tasksMax: number;
};

export type FailureCause = { readonly code: string; readonly message: string };

/** How a task ended. */
export type TaskResult = { readonly id: string } & (
  | { readonly ok: true; readonly vector: Float32Array; readonly tokens?: number }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly attempts: number;
      readonly runner: string;
    }
);

export type JobAnswer =
  /** Of a job that this runner does not have, or no longer. Ignored, and counted. */
  | { readonly kind: 'late' }
  /** Not one outcome per text: nothing of it was taken, the job is still the runner's. */
  | { readonly kind: 'miscounted'; readonly texts: number }
  | { readonly kind: 'check'; readonly outcomes: readonly EmbedOutcome[]; readonly ms: number }
  /**
   * `embedded`: the texts of real work that got a vector, wanted by now or not; of cross-checks,
   * none.
   */
  | {
      readonly kind: 'work';
      readonly ended: readonly TaskResult[];
      readonly embedded: readonly AnsweredText[];
      readonly ms: number;
    };

/** Of a trusted runner's time, while other work waits. */
const crossCheckShareMax = 0.05;
const crossCheckTextsMax = 16;
const searchesMsMax = 5_000; // After a search, others are expected for so long.

/**
 * A pure scheduler: it is told what happened and when (`now`: monotonic ms), and `assign` says what
 * to send.
 *
 * - Two lanes: `search` goes before `bulk`. One job in work and one prefetched per runner, sized to
 *   its speed. While searches come, bulk jobs are short and not prefetched. A third lane,
 *   `cross-check`, has a bounded share of trusted runners' time, or what is left of it.
 * - The job in work when a runner fails takes the blame: it goes to a runner once more as it was,
 *   then in halves, until the text that makes runners fail is alone. A prefetched job was not
 *   begun: it goes elsewhere, unblamed.
 * - A text that failed `attemptsAloneMax` times alone ends with `embedding_failed`; where a trusted
 *   runner is expected, the last of these is its. Without a runner, texts wait.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #runners = new Map<string, Runner>();
  readonly #tasks = new Map<string, Task>();
  readonly #backlog = new Backlog();
  #lastJob = 0;
  #requeued = 0;
  #late = 0;
  #searchedAt = -Infinity;
  #blameTerms: Blame;

  constructor(options: FleetOptions, expectsTrusted = false) {
    this.#options = options;
    this.#blameTerms = { attemptsAloneMax: options.attemptsAloneMax, expectsTrusted };
  }

  /** Texts not yet ended; the jobs given again after a failure; the answers that came too late. */
  stats(): {
    readonly waiting: number;
    readonly inWork: number;
    readonly requeued: number;
    readonly late: number;
  } {
    const waiting =
      this.#backlog.waiting('search') +
      this.#backlog.waiting('bulk') +
      this.#backlog.waiting('cross-check');
    return {
      waiting,
      inWork: this.#tasks.size - waiting,
      requeued: this.#requeued,
      late: this.#late,
    };
  }

  /**
   * `false` when `tasksMax` texts are there already: nothing was taken. Ids are unique among the
   * texts not yet ended.
   */
  submit(task: { readonly id: string; readonly text: string; readonly lane: Lane }): boolean {
    assert(!this.#tasks.has(task.id), `Task ${task.id} was submitted twice`);
    assert(
      task.text.length <= wireLimits.textCharsMax,
      `A text of ${task.text.length} characters does not fit a job`,
    );
    if (this.#tasks.size >= this.#options.tasksMax) return false;
    const entry: Task = { ...task, failures: 0, failuresAlone: 0, state: 'waiting' };
    this.#tasks.set(task.id, entry);
    this.#backlog.add(entry);
    return true;
  }

  /** Nobody waits for it any more. What a runner does with it meanwhile is dropped. */
  cancel(id: string): void {
    const task = this.#tasks.get(id);
    if (task !== undefined) this.#end(task);
  }

  /** A runner that may be checked; `serve` lets it work. */
  join(runner: RunnerTerms): void {
    assert(!this.#runners.has(runner.id), `Runner ${runner.id} joined twice`);
    if (runner.trusted) this.#blameTerms = { ...this.#blameTerms, expectsTrusted: true };
    const pace = new Pace(this.#options.pace, runner.textsPerSecond, runner.textsPerJobMax);
    this.#runners.set(runner.id, {
      ...runner,
      pace,
      state: 'checks',
      check: null,
      jobs: [],
      startedAt: 0,
      crossChecksFrom: 0,
    });
  }

  /** These texts are the runner's next job, whatever else waits. */
  check(id: string, texts: Mixed): void {
    const runner = this.#runners.get(id);
    if (runner !== undefined) runner.check = texts;
  }

  serve(id: string): void {
    const runner = this.#runners.get(id);
    if (runner?.state === 'checks') runner.state = 'serving';
  }

  drain(id: string): void {
    const runner = this.#runners.get(id);
    if (runner === undefined) return;
    runner.state = 'draining';
    runner.check = null;
  }

  /**
   * The runner is gone. With a `cause` its job in work takes the blame; `null`: it left in order,
   * nothing is blamed.
   */
  leave(id: string, cause: FailureCause | null): readonly TaskResult[] {
    const runner = this.#runners.get(id);
    if (runner === undefined) return [];
    this.#runners.delete(id);
    const ended: TaskResult[] = [];
    for (const [index, { group }] of runner.jobs.entries()) {
      if (group === null) continue;
      this.#requeued += 1;
      if (index === 0 && cause !== null) ended.push(...this.#blame(group, runner, cause));
      else this.#again(group);
    }
    return ended;
  }

  /** A job that this runner has. */
  job(id: string, jobId: string, attempt: number): Job | null {
    return (
      this.#runners.get(id)?.jobs.find((job) => job.jobId === jobId && job.attempt === attempt) ??
      null
    );
  }

  /**
   * One outcome per text of the job, in order. A text that the runner could not embed is tried
   * again alone.
   */
  answer(
    id: string,
    jobId: string,
    attempt: number,
    outcomes: readonly EmbedOutcome[],
    now: number,
  ): JobAnswer {
    const runner = this.#runners.get(id);
    const job = this.job(id, jobId, attempt);
    if (runner === undefined || job === null) {
      this.#late += 1;
      return { kind: 'late' };
    }
    if (outcomes.length !== job.texts.length)
      return { kind: 'miscounted', texts: job.texts.length };
    const ms = now - runner.startedAt;
    runner.jobs.splice(runner.jobs.indexOf(job), 1);
    runner.startedAt = now;
    runner.pace.measured(job.texts.length, ms);
    if (job.group === null) return { kind: 'check', outcomes, ms };
    const ended: TaskResult[] = [];
    const ofTasks = outcomesOfTasks(job, outcomes);
    for (const [at, task] of job.group.tasks.entries()) {
      const outcome = ofTasks[at];
      assert(outcome !== undefined, 'An answer lacks an outcome after it was counted');
      if (task.state === 'ended') continue;
      if (!outcome.ok)
        ended.push(...this.#blame(this.#backlog.group([task], null), runner, outcome));
      else ended.push(this.#succeed(task, outcome));
    }
    const embedded = job.group.tasks[0]?.lane === 'cross-check' ? [] : answeredTexts(job, outcomes);
    return { kind: 'work', ended, embedded, ms };
  }

  /** Runners whose job in work is past its deadline. They are to be closed and to `leave`. */
  expired(now: number): readonly string[] {
    const late = (runner: Runner) => {
      const job = runner.jobs[0];
      return job !== undefined && now - runner.startedAt > job.deadlineMs;
    };
    return [...this.#runners.values()].filter(late).map(({ id }) => id);
  }

  jobsInWork(id: string): number {
    return this.#runners.get(id)?.jobs.length ?? 0;
  }

  textsPerSecond(id: string): number {
    return this.#runners.get(id)?.pace.textsPerSecond ?? 0;
  }

  /**
   * Everything that can be sent now. To be called after anything else was, and now and then while
   * texts wait.
   */
  assign(now: number, mixIn: MixIn): readonly Assignment[] {
    const assignments: Assignment[] = [];
    const take = (runner: Runner, lane: Lane, textsMax: number): void => {
      const most = Math.min(textsMax, runner.limit?.texts(now) ?? Infinity);
      const group =
        most === 0
          ? null
          : this.#backlog.take(lane, most, (other) =>
              isForAnother(other, runner, this.#runners.values(), this.#blameTerms),
            );
      if (group !== null) assignments.push(this.#give(runner, group, lane, now, mixIn));
    };
    for (const runner of this.#runners.values()) {
      if (runner.check === null || runner.jobs.length >= jobsPerRunnerMax) continue;
      assignments.push(
        this.#send(
          runner,
          { group: null, jobId: `check-${++this.#lastJob}`, attempt: 1, ...runner.check },
          now,
        ),
      );
      runner.check = null;
    }
    if (this.#backlog.waiting('search') > 0) this.#searchedAt = now;
    const isSearched = now - this.#searchedAt < searchesMsMax;
    for (const runner of this.#forSearch()) take(runner, 'search', runner.pace.searchTexts());
    for (const runner of this.#forCrossChecks(now)) {
      take(runner, 'cross-check', Math.min(crossCheckTextsMax, runner.pace.searchTexts()));
      runner.crossChecksFrom =
        now + runner.pace.expectedMs(runner.jobs.at(-1)?.texts.length ?? 0) / crossCheckShareMax;
    }
    // Every idle runner gets its share before any runner gets a second job.
    const serving = [...this.#runners.values()].filter(({ state }) => state === 'serving');
    const fleetSpeed = serving.reduce((sum, { pace }) => sum + pace.textsPerSecond, 0);
    for (let depth = 0; depth < (isSearched ? 1 : jobsPerRunnerMax); depth++) {
      const backlog = this.#backlog.waiting('bulk');
      if (backlog === 0) break;
      for (const runner of serving) {
        if (runner.jobs.length !== depth) continue;
        const texts = runner.pace.jobTexts(
          backlog,
          runner.pace.textsPerSecond / fleetSpeed,
          isSearched,
        );
        take(runner, 'bulk', texts);
      }
    }
    return assignments;
  }

  /** While search texts wait: runners with a free slot, each time the one that would be done first. */
  *#forSearch(): Generator<Runner> {
    const passed = new Set<Runner>();
    while (this.#backlog.waiting('search') > 0) {
      const free = [...this.#runners.values()].filter(
        (runner) =>
          runner.state === 'serving' &&
          runner.jobs.length < jobsPerRunnerMax &&
          !passed.has(runner),
      );
      const next = free.reduce<Runner | null>(
        (best, runner) => (best === null || waitMs(runner) < waitMs(best) ? runner : best),
        null,
      );
      if (next === null) return;
      const before = next.jobs.length;
      yield next;
      // It got nothing: what waits is for another runner.
      if (next.jobs.length === before) passed.add(next);
    }
  }

  /**
   * While cross-checks wait: trusted runners with a free slot that are at rest, or have done other
   * work for long enough.
   */
  *#forCrossChecks(now: number): Generator<Runner> {
    for (const runner of this.#runners.values()) {
      if (this.#backlog.waiting('cross-check') === 0) return;
      if (!runner.trusted || runner.state !== 'serving' || runner.jobs.length >= jobsPerRunnerMax)
        continue;
      const isAtRest = this.#backlog.waiting('search') + this.#backlog.waiting('bulk') === 0;
      if (isAtRest || now >= runner.crossChecksFrom) yield runner;
    }
  }

  #give(runner: Runner, group: Group, lane: Lane, now: number, mixIn: MixIn): Assignment {
    group.attempt += 1;
    const tasks = textsOf(group);
    runner.limit?.took(tasks.length, now);
    const { texts, canaries } = mixIn(runner.id, {
      lane,
      texts: tasks,
      textsPerSecond: runner.pace.textsPerSecond,
      room: runner.textsPerJobMax - tasks.length,
      now,
    });
    return this.#send(
      runner,
      { group, jobId: group.id, attempt: group.attempt, texts, canaries },
      now,
    );
  }

  #send(runner: Runner, job: Omit<Job, 'deadlineMs'>, now: number): Assignment {
    const deadlineMs = runner.pace.deadlineMs(job.texts.length);
    if (runner.jobs.length === 0) runner.startedAt = now;
    runner.jobs.push({ ...job, deadlineMs });
    return {
      runner: runner.id,
      jobId: job.jobId,
      attempt: job.attempt,
      deadlineMs,
      texts: job.texts,
    };
  }

  #blame(group: Group, runner: Runner, cause: FailureCause): readonly TaskResult[] {
    const tasks = group.tasks.filter(({ state }) => state !== 'ended');
    for (const task of tasks) task.failures += 1;
    const [alone] = tasks;
    if (alone === undefined) return [];
    if (group.tasks.length === 1) {
      alone.failuresAlone += 1;
      if (isGivenUp(alone, runner, this.#blameTerms)) {
        this.#end(alone);
        return [
          {
            id: alone.id,
            ok: false,
            code: 'embedding_failed',
            message: cause.message,
            attempts: alone.failures,
            runner: runner.name,
          },
        ];
      }
    }
    group.failedBy = runner.id;
    group.failures += 1;
    if (group.failures === 1 || tasks.length === 1) {
      this.#again(group);
    } else {
      const middle = Math.ceil(tasks.length / 2);
      for (const half of [tasks.slice(0, middle), tasks.slice(middle)])
        this.#again(this.#backlog.group(half, group));
    }
    return [];
  }

  #again(group: Group): void {
    this.#backlog.putBack(group);
  }

  #succeed(task: Task, outcome: EmbedOutcome & { readonly ok: true }): TaskResult {
    this.#end(task);
    return { id: task.id, ...outcome };
  }

  #end(task: Task): void {
    this.#backlog.forget(task);
    task.state = 'ended';
    this.#tasks.delete(task.id);
  }
}

function textsOf(group: Group): readonly string[] {
  return group.tasks.map(({ text }) => text);
}
