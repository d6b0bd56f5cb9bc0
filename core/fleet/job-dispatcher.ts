// Decides which runner gets which waiting texts now: checks first, then searches, checks of others'
// work, repair and bulk work, in jobs sized to each runner's speed.

import type { Backlog, Group, Lane } from './backlog.ts';
import { isForAnother, textsForOthers } from './failure-policy.ts';
import { firstCheckShareMax, type FleetGuard } from './fleet-guard.ts';
import type { Assignment, Job, MixIn } from './fleet-job.ts';
import { jobsPerRunnerMax, waitMs, type Runner } from './fleet-runner.ts';
import { hasSearchPlace } from './late-jobs.ts';

/** Share of a runner's time that checks of others may take while other work waits. */
const checkShareMax = {
  'first-check': firstCheckShareMax,
  'cross-check': 0.05,
  'peer-check': 0.05,
} as const;
const checkTextsMax = 16;
/** A runner has this long for each golden text when it joins, although it may claim to be fast. */
const firstCheckTextMs = 1_500;
/** Work in one job of a newcomer: well below the time after which it is taken back. */
const newcomerJobMs = 1_000;
/** More searches are expected for this long after a search. */
const moreSearchesMsMax = 5_000;

export type JobDispatcherOptions = {
  /** Runners by id, in the order in which they joined. */
  readonly runners: ReadonlyMap<string, Runner>;
  readonly backlog: Backlog;
  readonly guard: FleetGuard;
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
      ...this.#checksOfOthers('first-check', round),
      ...this.#checksOfOthers('cross-check', round),
      ...this.#checksOfOthers('peer-check', round),
      ...this.#repairJobs(round),
      ...this.#bulkJobs(round),
    ];
  }

  *#checkJobs({ now }: Round): Generator<Assignment> {
    for (const runner of this.#options.runners.values()) {
      const { check } = runner;
      if (check === null || runner.jobs.length >= jobsPerRunnerMax) continue;
      runner.check = null;
      const jobId = `check-${++this.#lastCheck}`;
      const deadlineMsMin = runner.state === 'checks' ? check.texts.length * firstCheckTextMs : 0;
      yield send(
        runner,
        { group: null, lane: 'bulk', jobId, attempt: 1, ...check },
        now,
        deadlineMsMin,
      );
    }
  }

  /**
   * Each search job goes to the runner with a free slot that would finish it first: a trusted or
   * proven one, unless none serves.
   */
  *#searchJobs(round: Round): Generator<Assignment> {
    const { runners, backlog } = this.#options;
    const serving = [...runners.values()].filter(({ state }) => state === 'serving');
    const placed = serving.filter(hasSearchPlace);
    const believed = placed.filter(({ trusted, probation }) => trusted || probation.isProven);
    const candidates = [believed, placed, serving].find((some) => some.length > 0) ?? [];
    const passedOver = new Set<Runner>();
    while (backlog.waiting('search') > 0) {
      const runner = soonestFree(candidates, passedOver);
      if (runner === null) return;
      const job = this.#give(runner, 'search', runner.pace.searchTexts(), round);
      // It got nothing: the texts that wait are for another runner.
      if (job === null) passedOver.add(runner);
      else yield job;
    }
  }

  /**
   * Gives checks to trusted runners (`peer-check`: to any runner) that are idle or have done other
   * work for long enough.
   */
  *#checksOfOthers(lane: keyof typeof checkShareMax, round: Round): Generator<Assignment> {
    const { runners, backlog } = this.#options;
    for (const runner of runners.values()) {
      if (backlog.waiting(lane) === 0) return;
      if (!(runner.trusted || lane === 'peer-check') || !hasFreeSlot(runner)) continue;
      const otherWork: readonly Lane[] = ['search', 'repair', 'bulk'];
      const otherWorkWaits = otherWork.some((other) => backlog.waiting(other) > 0);
      if (otherWorkWaits && round.now < runner.checksFrom[lane]) continue;
      const textsMax = Math.min(checkTextsMax, runner.pace.searchTexts());
      const job = this.#give(runner, lane, textsMax, round);
      if (job === null) continue;
      const jobMs = runner.pace.expectedMs(job.texts.length);
      runner.checksFrom[lane] = round.now + jobMs / checkShareMax[lane];
      yield job;
    }
  }

  /** Gives repairs to trusted runners before any bulk work: a repaired vector must be right. */
  *#repairJobs(round: Round): Generator<Assignment> {
    const { runners, guard } = this.#options;
    const able = [...runners.values()].filter(
      (runner) => runner.state === 'serving' && !guard.mustLeave(runner, 'trusted', round.now),
    );
    yield* this.#sharedJobs('repair', able, round);
  }

  *#bulkJobs(round: Round): Generator<Assignment> {
    const { runners, guard } = this.#options;
    const serving = [...runners.values()].filter(({ state }) => state === 'serving');
    const isNewcomer = (runner: Runner): boolean => guard.isNewcomer(runner, round.now);
    for (const runner of serving.filter(isNewcomer)) {
      const left = guard.checksLeft();
      if (runner.jobs.length > 0 || left <= 0) continue;
      const { pace, probation } = runner;
      const textsMax = Math.min(probation.jobTexts, pace.textsWithin(newcomerJobMs));
      const allowed = probation.checksOf(textsMax) <= left ? textsMax : left;
      const job = this.#give(runner, 'bulk', allowed, round);
      if (job !== null) yield job;
    }
    yield* this.#sharedJobs(
      'bulk',
      serving.filter((runner) => !isNewcomer(runner)),
      round,
    );
  }

  /** Every idle runner gets its share before any runner gets a second job. */
  *#sharedJobs(
    lane: 'repair' | 'bulk',
    among: readonly Runner[],
    round: Round,
  ): Generator<Assignment> {
    const { backlog, guard } = this.#options;
    const speed = among.reduce((sum, { pace }) => sum + pace.textsPerSecond, 0);
    const besideSearch = round.now - this.#searchedAt < moreSearchesMsMax;
    for (let depth = 0; depth < (besideSearch ? 1 : jobsPerRunnerMax); depth++) {
      const waiting = backlog.waiting(lane);
      if (waiting === 0) return;
      for (const runner of among) {
        if (runner.jobs.length !== depth) continue;
        const isJustProven = guard.isJustProven(runner, round.now);
        if (isJustProven && depth > 0) continue;
        const share = runner.pace.textsPerSecond / speed;
        const textsMax = runner.pace.jobTexts(waiting, share, besideSearch);
        const allowed = isJustProven ? Math.min(textsMax, runner.probation.jobTexts) : textsMax;
        const job = this.#give(runner, lane, allowed, round);
        if (job !== null) yield job;
      }
    }
  }

  /** `null` when nothing in this lane is for the runner, or its rate limit allows no text now. */
  #give(runner: Runner, lane: Lane, textsMax: number, { now, mixIn }: Round): Assignment | null {
    const { runners, backlog, guard, attemptsAloneMax } = this.#options;
    const allowed = Math.min(textsMax, runner.limit?.texts(now) ?? Infinity);
    if (allowed === 0) return null;
    const group = backlog.take(
      lane,
      allowed,
      (other) =>
        isForAnother(other, runner, { runners: runners.values(), guard, attemptsAloneMax, now }),
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
    return send(
      runner,
      { group, lane, jobId: group.id, attempt: group.attempt, texts, canaries },
      now,
    );
  }
}

function soonestFree(
  candidates: readonly Runner[],
  passedOver: ReadonlySet<Runner>,
): Runner | null {
  return candidates
    .filter((runner) => hasFreeSlot(runner) && !passedOver.has(runner))
    .reduce<Runner | null>(
      (best, runner) => (best === null || waitMs(runner) < waitMs(best) ? runner : best),
      null,
    );
}

function hasFreeSlot({ state, jobs }: Runner): boolean {
  return state === 'serving' && jobs.length < jobsPerRunnerMax;
}

function send(
  runner: Runner,
  job: Omit<Job, 'deadlineMs' | 'answeredAt'>,
  now: number,
  deadlineMsMin = 0,
): Assignment {
  const { jobId, attempt, texts } = job;
  const deadlineMs = Math.max(runner.pace.deadlineMs(texts.length), deadlineMsMin);
  if (runner.jobs.length === 0) runner.startedAt = now;
  runner.jobs.push({ ...job, deadlineMs, answeredAt: null });
  return { runner: runner.id, jobId, attempt, deadlineMs, texts };
}

function textsOf(group: Group): readonly string[] {
  return group.tasks.map(({ text }) => text);
}
