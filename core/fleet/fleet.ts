// Schedules texts onto runners and handles their answers and failures: every text ends exactly
// once, whichever runners are lost.

import { assert, at } from '#core/errors/assert.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import { wireLimits } from '#core/protocol/wire.ts';
import type { Mixed } from '#core/trust/canaries.ts';
import { Backlog, checkLanes, lanes, type Group, type Task } from './backlog.ts';
import { FleetGuard } from './fleet-guard.ts';
import {
  answeredTexts,
  outcomesOfTasks,
  type Assignment,
  type Job,
  type JobAnswer,
  type MixIn,
} from './fleet-job.ts';
import type { FleetOptions } from './fleet-options.ts';
import type { Runner, RunnerTerms } from './fleet-runner.ts';
import { JobDispatcher } from './job-dispatcher.ts';
import { Probation } from './probation.ts';
import { Proving } from './proving.ts';
import { Pace } from './runner-pace.ts';
import type { FailureCause, TaskResult } from './task-result.ts';
import { TextRetries } from './text-retries.ts';

/**
 * A pure scheduler: methods report what happened and when (`now`: monotonic ms), and `assign`
 * returns what to send.
 *
 * - Two lanes: `search` goes before `bulk`. A runner has one job in work and one prefetched, both
 *   sized to its speed. While searches come, bulk jobs are short and none is prefetched. A third
 *   lane, `cross-check`, gets a bounded share of trusted runners' time, or their idle time.
 * - When a runner fails, its job in work is blamed. That job is tried once more as it was, then in
 *   halves, until the text that makes runners fail is alone. A prefetched job was not begun, so it
 *   is requeued without blame.
 * - A text that failed `attemptsAloneMax` times alone ends with `embedding_failed`, once a trusted
 *   runner or runners of three owners have tried it. Until then it is held, and holds up no other
 *   text. While there is no runner, texts wait.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #runners = new Map<string, Runner>();
  readonly #tasks = new Map<string, Task>();
  readonly #backlog = new Backlog();
  readonly #dispatcher: JobDispatcher;
  readonly #retries: TextRetries;
  /** What becomes of answers of runners that are not proven yet. */
  readonly proving: Proving;
  #requeued = 0;
  #lateAnswers = 0;

  /** `expectsTrusted`: trusted runners will join, such as those that the gateway starts. */
  constructor(options: FleetOptions, expectsTrusted = false) {
    const { attemptsAloneMax } = options;
    const runners = this.#runners;
    this.#options = options;
    this.#retries = new TextRetries({
      backlog: this.#backlog,
      attemptsAloneMax,
      end: (task) => this.#end(task),
    });
    const guard = new FleetGuard({ runners, expectsTrusted, options });
    this.proving = new Proving({ runners, guard, retries: this.#retries, options });
    this.#dispatcher = new JobDispatcher({
      runners,
      backlog: this.#backlog,
      guard,
      attemptsAloneMax,
    });
  }

  /**
   * Texts that have not ended (`waiting`, `inWork`); of those that wait, texts of events that are
   * held for a trusted runner or one of another owner (`held`); and two totals: jobs that were
   * requeued after their runner was lost, and answers that came too late.
   */
  stats(): {
    readonly waiting: number;
    readonly inWork: number;
    readonly held: number;
    readonly requeued: number;
    readonly late: number;
  } {
    const waiting = lanes.reduce((sum, lane) => sum + this.#backlog.waiting(lane), 0);
    return {
      waiting,
      inWork: this.#tasks.size - waiting,
      held: this.#backlog.held('bulk'),
      requeued: this.#requeued,
      late: this.#lateAnswers,
    };
  }

  /**
   * `false` when `tasksMax` texts are already there: the text was not taken. Its id must differ
   * from those of all texts that have not ended.
   */
  submit({
    onlyFor = null,
    ...task
  }: Pick<Task, 'id' | 'text' | 'lane'> & Partial<Pick<Task, 'onlyFor'>>): boolean {
    assert(!this.#tasks.has(task.id), `Task ${task.id} was submitted twice`);
    assert(
      task.text.length <= wireLimits.textCharsMax,
      `A text of ${task.text.length} characters does not fit a job`,
    );
    if (this.#tasks.size >= this.#options.tasksMax) return false;
    const entry: Task = {
      ...task,
      onlyFor,
      failures: 0,
      failuresAlone: 0,
      refusedBy: new Set(),
      retryAt: 0,
      state: 'waiting',
    };
    this.#tasks.set(task.id, entry);
    this.#backlog.add(entry);
    return true;
  }

  /** The text has not ended. */
  has(id: string): boolean {
    return this.#tasks.has(id);
  }

  /** The text is no longer wanted. If a runner has it, its outcome is dropped. */
  cancel(id: string): void {
    const task = this.#tasks.get(id);
    if (task !== undefined) this.#end(task);
  }

  /** Adds a runner, which gets only checks until `serve`. */
  join(runner: RunnerTerms): void {
    assert(!this.#runners.has(runner.id), `Runner ${runner.id} joined twice`);
    const pace = new Pace(this.#options.pace, runner.textsPerSecond, runner.textsPerJobMax);
    this.#runners.set(runner.id, {
      ...runner,
      pace,
      state: 'checks',
      check: null,
      jobs: [],
      startedAt: 0,
      probation: new Probation(this.#options.provingTexts),
      searchMisses: 0,
      checksFrom: { 'first-check': 0, 'cross-check': 0, 'peer-check': 0 },
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
   * The runner is gone. With a `cause` its job in work is blamed; `null`: it left in order, and no
   * job is blamed.
   */
  leave(id: string, cause: FailureCause | null, now: number): readonly TaskResult[] {
    const runner = this.#runners.get(id);
    if (runner === undefined) return [];
    this.#runners.delete(id);
    const ended: TaskResult[] = [];
    for (const [index, { group }] of runner.jobs.entries()) {
      if (group === null) continue;
      this.#requeued += 1;
      if (index === 0 && cause !== null)
        ended.push(...this.#retries.blame(group, runner, cause, now));
      else this.#retries.requeue(group, runner);
    }
    return ended;
  }

  /** The job, when this runner has it. */
  job(id: string, jobId: string, attempt: number): Job | null {
    return (
      this.#runners.get(id)?.jobs.find((job) => job.jobId === jobId && job.attempt === attempt) ??
      null
    );
  }

  /**
   * Takes a runner's answer to a job: one outcome per text, in order. A text that the runner could
   * not embed is tried again alone.
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
      this.#lateAnswers += 1;
      return { kind: 'late' };
    }
    if (outcomes.length !== job.texts.length)
      return { kind: 'miscounted', texts: job.texts.length };
    const ms = (job.answeredAt ?? now) - runner.startedAt;
    runner.jobs.splice(runner.jobs.indexOf(job), 1);
    runner.startedAt = now;
    runner.pace.measured(job.texts.length, ms);
    if (job.lane === 'search' && job.group !== null) this.proving.searched(runner, ms);
    if (job.group === null) return { kind: 'check', outcomes, ms };
    const ended = this.#settle(runner, job.group, outcomesOfTasks(job, outcomes), now);
    const embedded = checkLanes.has(job.lane) ? [] : answeredTexts(job, outcomes);
    return { kind: 'work', lane: job.lane, ended, embedded, ms };
  }

  /** Runners whose job in work is past its deadline. The caller closes them and calls `leave`. */
  expired(now: number): readonly string[] {
    const isLate = ({ jobs: [job], startedAt }: Runner): boolean =>
      job !== undefined && job.answeredAt === null && now - startedAt > job.deadlineMs;
    return [...this.#runners.values()].filter(isLate).map(({ id }) => id);
  }

  /**
   * Gives the text of a search to a second runner under the id `copyId`. `false`: no runner has it
   * yet, there is no second one, or it has ended.
   */
  hedge(id: string, copyId: string): boolean {
    const task = this.#tasks.get(id);
    if (task?.state !== 'assigned') return false;
    const serving = [...this.#runners.values()].filter(({ state }) => state === 'serving');
    const holder = serving.find(({ jobs }) =>
      jobs.some(({ group }) => group?.tasks.some((each) => each === task)),
    );
    if (holder === undefined || serving.length < 2) return false;
    const copy: Task = { ...task, id: copyId, refusedBy: new Set() };
    this.#tasks.set(copyId, copy);
    const group = this.#backlog.group([copy], null);
    group.failedBy = holder.id;
    this.#backlog.requeue(group);
    return true;
  }

  jobsInWork(id: string): number {
    return this.#runners.get(id)?.jobs.length ?? 0;
  }

  textsPerSecond(id: string): number {
    return this.#runners.get(id)?.pace.textsPerSecond ?? 0;
  }

  /**
   * Everything that can be sent now. Call it after every other method, and from time to time while
   * texts wait.
   */
  assign(now: number, mixIn: MixIn): readonly Assignment[] {
    return this.#dispatcher.assign(now, mixIn);
  }

  #settle(
    runner: Runner,
    group: Group,
    outcomes: readonly EmbedOutcome[],
    now: number,
  ): readonly TaskResult[] {
    return group.tasks.flatMap((task, index): readonly TaskResult[] => {
      const outcome = at(outcomes, index);
      if (task.state === 'ended') return [];
      if (!outcome.ok)
        return this.#retries.blame(this.#backlog.group([task], null), runner, outcome, now);
      this.#end(task);
      return [{ id: task.id, ...outcome }];
    });
  }

  #end(task: Task): void {
    this.#backlog.forget(task);
    task.state = 'ended';
    this.#tasks.delete(task.id);
  }
}
