// Decides which runner gets which waiting texts now: checks first, then searches, cross-checks and
// bulk work, in jobs sized to each runner's speed.

import type { Backlog, Group, Lane } from './backlog.ts';
import { isForAnother, textsForOthers } from './failure-policy.ts';
import type { Assignment, Job, MixIn } from './fleet-job.ts';
import { jobsPerRunnerMax, waitMs, type Runner } from './fleet-runner.ts';

/** Share of a trusted runner's time that cross-checks may take while other work waits. */
const crossCheckShareMax = 0.05;
const crossCheckTextsMax = 16;
/** For this long after a search, more searches are expected. */
const moreSearchesMsMax = 5_000;

export type JobDispatcherOptions = {
  /** By id, in the order in which they joined. */
  readonly runners: ReadonlyMap<string, Runner>;
  readonly backlog: Backlog;
  readonly attemptsAloneMax: number;
};

/** One call of `assign`. `now`: monotonic ms. */
type Round = { readonly now: number; readonly mixIn: MixIn };

export class JobDispatcher {
  readonly #options: JobDispatcherOptions;
  #lastCheck = 0;
  #searchedAt = -Infinity;

  constructor(options: JobDispatcherOptions) {
    this.#options = options;
  }

  /** Everything that can be sent now; the jobs are then the runners'. */
  assign(now: number, mixIn: MixIn): readonly Assignment[] {
    const round = { now, mixIn };
    if (this.#options.backlog.waiting('search') > 0) this.#searchedAt = now;
    return [
      ...this.#checkJobs(round),
      ...this.#searchJobs(round),
      ...this.#crossCheckJobs(round),
      ...this.#bulkJobs(round),
    ];
  }

  *#checkJobs({ now }: Round): Generator<Assignment> {
    for (const runner of this.#options.runners.values()) {
      const { check } = runner;
      if (check === null || runner.jobs.length >= jobsPerRunnerMax) continue;
      runner.check = null;
      yield send(
        runner,
        { group: null, jobId: `check-${++this.#lastCheck}`, attempt: 1, ...check },
        now,
      );
    }
  }

  /** Each search job goes to the runner with a free slot that would finish it first. */
  *#searchJobs(round: Round): Generator<Assignment> {
    const passedOver = new Set<Runner>();
    while (this.#options.backlog.waiting('search') > 0) {
      const runner = this.#soonestFree(passedOver);
      if (runner === null) return;
      const job = this.#give(runner, 'search', runner.pace.searchTexts(), round);
      // It got nothing: the texts that wait are for another runner.
      if (job === null) passedOver.add(runner);
      else yield job;
    }
  }

  #soonestFree(passedOver: ReadonlySet<Runner>): Runner | null {
    return [...this.#options.runners.values()]
      .filter((runner) => hasFreeSlot(runner) && !passedOver.has(runner))
      .reduce<Runner | null>(
        (best, runner) => (best === null || waitMs(runner) < waitMs(best) ? runner : best),
        null,
      );
  }

  /** For trusted runners that are idle, or that have done other work for long enough. */
  *#crossCheckJobs(round: Round): Generator<Assignment> {
    const { runners, backlog } = this.#options;
    for (const runner of runners.values()) {
      if (backlog.waiting('cross-check') === 0) return;
      if (!runner.trusted || !hasFreeSlot(runner)) continue;
      const otherWorkWaits = backlog.waiting('search') + backlog.waiting('bulk') > 0;
      if (otherWorkWaits && round.now < runner.crossChecksFrom) continue;
      const textsMax = Math.min(crossCheckTextsMax, runner.pace.searchTexts());
      const job = this.#give(runner, 'cross-check', textsMax, round);
      const jobMs = runner.pace.expectedMs(runner.jobs.at(-1)?.texts.length ?? 0);
      runner.crossChecksFrom = round.now + jobMs / crossCheckShareMax;
      if (job !== null) yield job;
    }
  }

  /** Every idle runner gets its share before any runner gets a second job. */
  *#bulkJobs(round: Round): Generator<Assignment> {
    const { runners, backlog } = this.#options;
    const serving = [...runners.values()].filter(({ state }) => state === 'serving');
    const fleetSpeed = serving.reduce((sum, { pace }) => sum + pace.textsPerSecond, 0);
    const besideSearch = round.now - this.#searchedAt < moreSearchesMsMax;
    for (let depth = 0; depth < (besideSearch ? 1 : jobsPerRunnerMax); depth++) {
      const waiting = backlog.waiting('bulk');
      if (waiting === 0) return;
      for (const runner of serving) {
        if (runner.jobs.length !== depth) continue;
        const share = runner.pace.textsPerSecond / fleetSpeed;
        const textsMax = runner.pace.jobTexts(waiting, share, besideSearch);
        const job = this.#give(runner, 'bulk', textsMax, round);
        if (job !== null) yield job;
      }
    }
  }

  /** `null` when nothing in this lane is for the runner, or its rate limit allows no text now. */
  #give(runner: Runner, lane: Lane, textsMax: number, { now, mixIn }: Round): Assignment | null {
    const { runners, backlog, attemptsAloneMax } = this.#options;
    const allowed = Math.min(textsMax, runner.limit?.texts(now) ?? Infinity);
    if (allowed === 0) return null;
    const group = backlog.take(
      lane,
      allowed,
      (other) => isForAnother(other, runner, runners.values(), attemptsAloneMax, now),
      textsForOthers(runner, runners.values()),
    );
    if (group === null) return null;
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
    return send(runner, { group, jobId: group.id, attempt: group.attempt, texts, canaries }, now);
  }
}

function hasFreeSlot({ state, jobs }: Runner): boolean {
  return state === 'serving' && jobs.length < jobsPerRunnerMax;
}

function send(runner: Runner, job: Omit<Job, 'deadlineMs'>, now: number): Assignment {
  const { jobId, attempt, texts } = job;
  const deadlineMs = runner.pace.deadlineMs(texts.length);
  if (runner.jobs.length === 0) runner.startedAt = now;
  runner.jobs.push({ ...job, deadlineMs });
  return { runner: runner.id, jobId, attempt, deadlineMs, texts };
}

function textsOf(group: Group): readonly string[] {
  return group.tasks.map(({ text }) => text);
}
