// Decides which runner embeds which texts, and what becomes of a job whose runner is lost: every text ends exactly once.
import { assert } from './errors.ts';
import { Pace, type PaceOptions } from './pace.ts';
import type { EmbedOutcome } from './ports.ts';
import { Backlog, type Group, type Lane, type Task } from './fleet-backlog.ts';
import { wireLimits } from './wire.ts';

export type FleetOptions = {
  readonly pace: PaceOptions;
  /** How often a text that is alone in its job may fail before it is given up. */
  readonly attemptsAloneMax: number;
  /** Texts that may wait or be in work at once. */
  readonly tasksMax: number;
};

/** A job to hand to a runner now. */
export type Assignment = {
  readonly runner: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly deadlineMs: number;
  readonly texts: readonly string[];
};

export type FailureCause = { readonly code: string; readonly message: string };

/** How a task ended. */
export type Ended = { readonly id: string } & (
  | { readonly ok: true; readonly vector: Float32Array; readonly tokens?: number }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly attempts: number; readonly runner: string }
);

export type Answered =
  /** Of a job that this runner does not have, or no longer. Ignored, and counted. */
  | { readonly kind: 'late' }
  /** Not one outcome per text: nothing of it was taken, the job is still the runner's. */
  | { readonly kind: 'miscounted'; readonly texts: number }
  | { readonly kind: 'check'; readonly outcomes: readonly EmbedOutcome[]; readonly ms: number }
  | { readonly kind: 'work'; readonly ended: readonly Ended[]; readonly embedded: number; readonly ms: number };

type Job = {
  /** `null`: a check, whose texts are nobody's task. */
  readonly group: Group | null;
  readonly jobId: string;
  readonly attempt: number;
  readonly texts: readonly string[];
  readonly deadlineMs: number;
};

type Runner = {
  readonly id: string;
  readonly name: string;
  readonly pace: Pace;
  /** `checks`: only checks so far. `draining`: nothing more. */
  state: 'checks' | 'serving' | 'draining';
  check: readonly string[] | null;
  /** In the order sent, which is the order worked: [in work, prefetched]. */
  readonly jobs: Job[];
  /** When the first of `jobs` became the one in work. */
  startedAt: number;
};

const jobsPerRunnerMax = 2;

/**
 * A pure scheduler: it is told what happened and when (`now`: monotonic ms), and `assign` says what to send.
 *
 * - Two lanes: `search` goes before `bulk`. One job in work and one prefetched per runner, sized to its speed.
 * - The job in work when a runner fails takes the blame: it goes to a runner once more as it was, then in halves, until the
 *   text that makes runners fail is alone. A prefetched job was not begun: it goes elsewhere, unblamed.
 * - A text that failed `attemptsAloneMax` times alone ends with `embedding_failed`. Without a runner, texts wait.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #runners = new Map<string, Runner>();
  readonly #tasks = new Map<string, Task>();
  readonly #backlog = new Backlog();
  #lastJob = 0;
  #requeued = 0;
  #late = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Texts not yet ended; the jobs given again after a failure; the answers that came too late. */
  stats(): { readonly waiting: number; readonly inWork: number; readonly requeued: number; readonly late: number } {
    const waiting = this.#backlog.waiting('search') + this.#backlog.waiting('bulk');
    return { waiting, inWork: this.#tasks.size - waiting, requeued: this.#requeued, late: this.#late };
  }

  /** `false` when `tasksMax` texts are there already: nothing was taken. Ids are unique among the texts not yet ended. */
  submit(task: { readonly id: string; readonly text: string; readonly lane: Lane }): boolean {
    assert(!this.#tasks.has(task.id), `Task ${task.id} was submitted twice`);
    assert(task.text.length <= wireLimits.textCharsMax, `A text of ${task.text.length} characters does not fit a job`);
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
  join(runner: { readonly id: string; readonly name: string; readonly textsPerSecond: number; readonly textsPerJobMax: number }): void {
    assert(!this.#runners.has(runner.id), `Runner ${runner.id} joined twice`);
    const pace = new Pace(this.#options.pace, runner.textsPerSecond, runner.textsPerJobMax);
    this.#runners.set(runner.id, { id: runner.id, name: runner.name, pace, state: 'checks', check: null, jobs: [], startedAt: 0 });
  }

  /** These texts are the runner's next job, whatever else waits. */
  check(id: string, texts: readonly string[]): void {
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

  /** The runner is gone. With a `cause` its job in work takes the blame; `null`: it left in order, nothing is blamed. */
  leave(id: string, cause: FailureCause | null): readonly Ended[] {
    const runner = this.#runners.get(id);
    if (runner === undefined) return [];
    this.#runners.delete(id);
    const ended: Ended[] = [];
    for (const [index, { group }] of runner.jobs.entries()) {
      if (group === null) continue;
      this.#requeued += 1;
      if (index === 0 && cause !== null) ended.push(...this.#blame(group, runner, cause));
      else this.#again(group);
    }
    return ended;
  }

  /** One outcome per text of the job, in order. A text that the runner could not embed is tried again alone. */
  answer(id: string, jobId: string, attempt: number, outcomes: readonly EmbedOutcome[], now: number): Answered {
    const runner = this.#runners.get(id);
    const index = runner?.jobs.findIndex((job) => job.jobId === jobId && job.attempt === attempt) ?? -1;
    const job = runner?.jobs[index];
    if (runner === undefined || job === undefined) {
      this.#late += 1;
      return { kind: 'late' };
    }
    if (outcomes.length !== job.texts.length) return { kind: 'miscounted', texts: job.texts.length };
    const ms = now - runner.startedAt;
    runner.jobs.splice(index, 1);
    runner.startedAt = now;
    runner.pace.measured(job.texts.length, ms);
    if (job.group === null) return { kind: 'check', outcomes, ms };
    const ended: Ended[] = [];
    let embedded = 0;
    for (const [at, task] of job.group.tasks.entries()) {
      const outcome = outcomes[at];
      assert(outcome !== undefined, 'An answer lacks an outcome after it was counted');
      if (outcome.ok) embedded += 1;
      if (task.state === 'ended') continue;
      if (!outcome.ok) ended.push(...this.#blame(this.#backlog.group([task], null), runner, outcome));
      else ended.push(this.#succeed(task, outcome));
    }
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

  /** Everything that can be sent now. To be called after anything else was. */
  assign(now: number): readonly Assignment[] {
    const assignments: Assignment[] = [];
    const give = (runner: Runner, group: Group | null, texts: readonly string[]) => assignments.push(this.#give(runner, group, texts, now));
    for (const runner of this.#runners.values()) {
      if (runner.check === null || runner.jobs.length >= jobsPerRunnerMax) continue;
      give(runner, null, runner.check);
      runner.check = null;
    }
    for (const runner of this.#forSearch()) {
      const group = this.#backlog.take('search', runner.pace.searchTexts(), (other) => this.#elsewhere(other, runner));
      if (group !== null) give(runner, group, textsOf(group));
    }
    // Every idle runner gets its share before any runner gets a second job.
    const serving = [...this.#runners.values()].filter(({ state }) => state === 'serving');
    const fleetSpeed = serving.reduce((sum, { pace }) => sum + pace.textsPerSecond, 0);
    for (let depth = 0; depth < jobsPerRunnerMax; depth++) {
      const backlog = this.#backlog.waiting('bulk');
      if (backlog === 0) break;
      for (const runner of serving) {
        if (runner.jobs.length !== depth) continue;
        const texts = runner.pace.jobTexts(backlog, runner.pace.textsPerSecond / fleetSpeed);
        const group = this.#backlog.take('bulk', texts, (other) => this.#elsewhere(other, runner));
        if (group !== null) give(runner, group, textsOf(group));
      }
    }
    return assignments;
  }

  /** While search texts wait: runners with a free slot, each time the one that would be done first. */
  *#forSearch(): Generator<Runner> {
    const passed = new Set<Runner>();
    while (this.#backlog.waiting('search') > 0) {
      const free = [...this.#runners.values()].filter((runner) =>
        runner.state === 'serving' && runner.jobs.length < jobsPerRunnerMax && !passed.has(runner));
      const next = free.reduce<Runner | null>((best, runner) => (best === null || waitMs(runner) < waitMs(best) ? runner : best), null);
      if (next === null) return;
      const before = next.jobs.length;
      yield next;
      // It got nothing: what waits is for another runner.
      if (next.jobs.length === before) passed.add(next);
    }
  }

  #give(runner: Runner, group: Group | null, texts: readonly string[], now: number): Assignment {
    if (group !== null) group.attempt += 1;
    const jobId = group?.id ?? `check-${++this.#lastJob}`;
    const attempt = group?.attempt ?? 1;
    const deadlineMs = runner.pace.deadlineMs(texts.length);
    if (runner.jobs.length === 0) runner.startedAt = now;
    runner.jobs.push({ group, jobId, attempt, texts, deadlineMs });
    return { runner: runner.id, jobId, attempt, deadlineMs, texts };
  }

  /** A group that this runner has failed waits for another one, if there is any. */
  #elsewhere(group: Group, runner: Runner): boolean {
    if (group.failedBy !== runner.id) return false;
    return [...this.#runners.values()].some((other) => other !== runner && other.state === 'serving');
  }

  #blame(group: Group, runner: Runner, cause: FailureCause): readonly Ended[] {
    const tasks = group.tasks.filter(({ state }) => state !== 'ended');
    for (const task of tasks) task.failures += 1;
    const [alone] = tasks;
    if (alone === undefined) return [];
    if (group.tasks.length === 1) {
      alone.failuresAlone += 1;
      if (alone.failuresAlone >= this.#options.attemptsAloneMax) {
        this.#end(alone);
        return [{ id: alone.id, ok: false, code: 'embedding_failed', message: cause.message, attempts: alone.failures, runner: runner.name }];
      }
    }
    group.failedBy = runner.id;
    group.failures += 1;
    if (group.failures === 1 || tasks.length === 1) {
      this.#again(group);
    } else {
      const middle = Math.ceil(tasks.length / 2);
      for (const half of [tasks.slice(0, middle), tasks.slice(middle)]) this.#again(this.#backlog.group(half, group));
    }
    return [];
  }

  #again(group: Group): void {
    this.#backlog.putBack(group);
  }

  #succeed(task: Task, outcome: EmbedOutcome & { readonly ok: true }): Ended {
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

function waitMs(runner: Runner): number {
  return runner.pace.expectedMs(runner.jobs.reduce((sum, { texts }) => sum + texts.length, 1));
}
