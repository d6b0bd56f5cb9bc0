// The fleet keeps its promises: no text is lost or ends twice, a poison text fails alone, and work
// is divided by speed.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nothingMixedIn, type Assignment } from '#core/fleet/fleet-job.ts';
import { Fleet } from '#core/fleet/fleet.ts';
import { provingTextsDefault } from '#core/fleet/probation.ts';
import { defaultPace } from '#core/fleet/runner-pace.ts';
import type { TaskResult } from '#core/fleet/task-result.ts';
import type { EmbedOutcome } from '#core/ports.ts';

const options = {
  pace: defaultPace,
  attemptsAloneMax: 3,
  provingTexts: provingTextsDefault,
  tasksMax: 10_000,
  checkIntervalMs: 60_000,
  searchJobMsMax: 1_500,
};
const good: EmbedOutcome = { ok: true, vector: Float32Array.of(1, 0) };
const terms = (id: string) => ({
  id,
  name: id,
  textsPerSecond: 100,
  textsPerJobMax: 512,
  owner: id,
  trusted: false,
  mustNotEmbed: null,
  limit: null,
});
const lost = { code: 'runner_lost', message: 'lost' };

function fleetWith(
  ...runners: { id: string; textsPerSecond: number; textsPerJobMax?: number }[]
): Fleet {
  const fleet = new Fleet(options);
  for (const runner of runners) {
    fleet.join({ ...terms(runner.id), ...runner });
    fleet.serve(runner.id);
  }
  return fleet;
}

function submit(fleet: Fleet, count: number, lane: 'bulk' | 'search' = 'bulk', from = 0): void {
  for (let index = from; index < from + count; index++)
    fleet.submit({ id: `${lane}-${index}`, text: `${lane} ${index}`, lane });
}

function succeed(fleet: Fleet, job: Assignment, now: number): readonly TaskResult[] {
  const answered = fleet.answer(
    job.runner,
    job.jobId,
    job.attempt,
    job.texts.map(() => good),
    now,
  );
  return answered.kind === 'work' ? answered.ended : [];
}

const sizes = (jobs: readonly Assignment[]) =>
  jobs.map(({ runner, texts }) => [runner, texts.length]);

describe('dividing work', () => {
  test('a single text is assigned at once', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 1000 });
    submit(fleet, 1);
    expect(sizes(fleet.assign(0, nothingMixedIn))).toEqual([['a', 1]]);
  });

  test('with a backlog a job is half a second of work; one is in work and one prefetched', () => {
    const fleet = fleetWith(
      { id: 'fast', textsPerSecond: 800 },
      { id: 'slow', textsPerSecond: 40 },
    );
    submit(fleet, 5000);
    expect(sizes(fleet.assign(0, nothingMixedIn))).toEqual([
      ['fast', 400],
      ['slow', 20],
      ['fast', 400],
      ['slow', 20],
    ]);
    expect(fleet.assign(0, nothingMixedIn)).toEqual([]);
  });

  test('until 5 s after a search, bulk jobs take 0.1 s and none is prefetched', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 800 });
    submit(fleet, 1, 'search');
    submit(fleet, 5000);
    const [search, ...more] = fleet.assign(0, nothingMixedIn);
    assert(search !== undefined && more.length === 0, 'the search is assigned alone');
    succeed(fleet, search, 1);
    const [bulk] = fleet.assign(1, nothingMixedIn);
    assert(bulk !== undefined, 'a bulk job follows');
    expect(bulk.texts).toHaveLength(80);
    expect(fleet.assign(20, nothingMixedIn)).toEqual([]);
    submit(fleet, 1, 'search', 1);
    const [behind] = fleet.assign(30, nothingMixedIn);
    assert(behind?.texts.length === 1, 'a search waits only for that job');
    succeed(fleet, bulk, 101);
    succeed(fleet, behind, 102);
    expect(
      sizes(fleet.assign(5_031, nothingMixedIn)).map(([, texts]) => Number(texts) > 300),
    ).toEqual([true, true]);
  });

  test('a small backlog is divided so that no runner idles', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 1000 }, { id: 'b', textsPerSecond: 1000 });
    submit(fleet, 100);
    expect(sizes(fleet.assign(0, nothingMixedIn))).toEqual([
      ['a', 50],
      ['b', 50],
    ]);
  });

  test('a very slow runner gets one text at a time', () => {
    const fleet = fleetWith({ id: 'software', textsPerSecond: 1 });
    submit(fleet, 100);
    expect(sizes(fleet.assign(0, nothingMixedIn))).toEqual([
      ['software', 1],
      ['software', 1],
    ]);
  });

  test('a search overtakes waiting bulk texts, on the runner that is free first', () => {
    const fleet = fleetWith(
      { id: 'slow', textsPerSecond: 10 },
      { id: 'fast', textsPerSecond: 1000 },
    );
    submit(fleet, 3000);
    const [, job] = fleet.assign(0, nothingMixedIn);
    submit(fleet, 3, 'search');
    expect(fleet.assign(1, nothingMixedIn)).toEqual([]);
    expect(job && succeed(fleet, job, 500)).toHaveLength(500);
    const [next] = fleet.assign(500, nothingMixedIn);
    expect(next).toMatchObject({ runner: 'fast', texts: ['search 0', 'search 1', 'search 2'] });
  });

  test('job size follows the measured speed', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 1000 });
    submit(fleet, 9000);
    let now = 0;
    const jobs = [...fleet.assign(now, nothingMixedIn)];
    for (let round = 0; round < 20; round++) {
      const job = jobs.shift();
      expect(job).toBeDefined();
      if (job === undefined) break;
      now += job.texts.length * 10;
      succeed(fleet, job, now);
      jobs.push(...fleet.assign(now, nothingMixedIn));
    }
    expect(fleet.textsPerSecond('a')).toBeGreaterThan(95);
    expect(fleet.textsPerSecond('a')).toBeLessThan(150);
    expect(jobs.at(-1)?.texts.length).toBeLessThan(75);
  });

  test('a job never exceeds the character limit of a job', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 1000 });
    for (let index = 0; index < 10; index++)
      fleet.submit({ id: `${index}`, text: 'x'.repeat(30_000), lane: 'bulk' });
    expect(sizes(fleet.assign(0, nothingMixedIn))).toEqual([
      ['a', 2],
      ['a', 2],
    ]);
  });

  test('texts wait while there is no runner; a runner under check gets none of them', () => {
    const fleet = new Fleet(options);
    submit(fleet, 3);
    expect(fleet.assign(0, nothingMixedIn)).toEqual([]);
    fleet.join({ ...terms('a'), textsPerSecond: 100, textsPerJobMax: 512 });
    fleet.check('a', { texts: ['golden'], canaries: new Map() });
    const checks = fleet.assign(0, nothingMixedIn);
    expect(checks.map(({ texts }) => texts)).toEqual([['golden']]);
    expect(
      checks[0] && fleet.answer('a', checks[0].jobId, checks[0].attempt, [good], 10),
    ).toMatchObject({ kind: 'check', outcomes: [good] });
    expect(fleet.assign(10, nothingMixedIn)).toEqual([]);
    fleet.serve('a');
    expect(sizes(fleet.assign(10, nothingMixedIn))).toEqual([['a', 3]]);
  });

  test('texts beyond the limit are refused', () => {
    const fleet = new Fleet({ ...options, tasksMax: 2 });
    const taken = ['1', '2', '3'].map((id) => fleet.submit({ id, text: 'x', lane: 'bulk' }));
    expect(taken).toEqual([true, true, false]);
    fleet.cancel('1');
    expect(fleet.submit({ id: '4', text: 'x', lane: 'bulk' })).toBe(true);
  });
});

describe('a lost runner', () => {
  test('its job goes unchanged to another runner, its prefetched job without blame', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 100 });
    submit(fleet, 100);
    const [first, second] = fleet.assign(0, nothingMixedIn);
    expect(fleet.leave('a', lost, 0)).toEqual([]);
    fleet.join({ ...terms('b'), textsPerSecond: 100, textsPerJobMax: 512 });
    fleet.serve('b');
    expect(fleet.assign(1, nothingMixedIn)).toMatchObject([
      { jobId: first?.jobId, attempt: 2, texts: first?.texts },
      { jobId: second?.jobId, attempt: 2, texts: second?.texts },
    ]);
  });

  test('a job that is too large for the next runner is split', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 1000 });
    submit(fleet, 100);
    fleet.assign(0, nothingMixedIn);
    fleet.leave('a', null, 0);
    fleet.join({ ...terms('b'), textsPerSecond: 1000, textsPerJobMax: 30 });
    fleet.serve('b');
    expect(sizes(fleet.assign(1, nothingMixedIn))).toEqual([
      ['b', 30],
      ['b', 30],
    ]);
  });

  test('a job past its deadline is reported once; the prefetched job does not expire', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 100 });
    submit(fleet, 100);
    const [first] = fleet.assign(0, nothingMixedIn);
    const deadlineMs = first?.deadlineMs ?? 0;
    expect(deadlineMs).toBeGreaterThan(defaultPace.deadlineMsMin);
    expect(fleet.expired(deadlineMs)).toEqual([]);
    expect(fleet.expired(deadlineMs + 1)).toEqual(['a']);
    if (first) succeed(fleet, first, deadlineMs);
    expect(fleet.expired(deadlineMs + 1)).toEqual([]);
  });

  test('an answer to an older attempt, or a second answer, is ignored and counted', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 100 }, { id: 'b', textsPerSecond: 100 });
    submit(fleet, 1);
    const [job] = fleet.assign(0, nothingMixedIn);
    expect(job?.runner).toBe('a');
    fleet.leave('a', lost, 0);
    const [again] = fleet.assign(1, nothingMixedIn);
    expect(fleet.answer('b', again?.jobId ?? '', 1, [good], 2)).toEqual({ kind: 'late' });
    expect(again && succeed(fleet, again, 3)).toHaveLength(1);
    expect(again && succeed(fleet, again, 3)).toHaveLength(0);
    expect(fleet.stats()).toMatchObject({ late: 2, waiting: 0, inWork: 0 });
  });

  test('an answer with the wrong number of outcomes changes nothing', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 100 });
    submit(fleet, 2);
    const [job] = fleet.assign(0, nothingMixedIn);
    expect(fleet.answer('a', job?.jobId ?? '', 1, [good], 1)).toEqual({
      kind: 'miscounted',
      texts: 2,
    });
    expect(job && succeed(fleet, job, 2)).toHaveLength(2);
  });
});

const shared = (id: string) => ({ ...terms(id), owner: 'shared' });

/** Each of these runners takes the text alone and dies of it. */
function fail(fleet: Fleet, runners: readonly ReturnType<typeof terms>[]): TaskResult[] {
  return runners.flatMap((runner) => {
    fleet.join(runner);
    fleet.serve(runner.id);
    expect(sizes(fleet.assign(0, nothingMixedIn))).toEqual([[runner.id, 1]]);
    return fleet.leave(runner.id, lost, 0);
  });
}

describe('a text that fails', () => {
  test('gets its last attempt from a trusted runner, if one is there', () => {
    const fleet = new Fleet(options);
    submit(fleet, 1);
    expect(fail(fleet, [terms('failing 1'), terms('failing 2')])).toEqual([]);
    for (const runner of [terms('failing 3'), { ...terms('trusted'), trusted: true }]) {
      fleet.join(runner);
      fleet.serve(runner.id);
    }
    const [job, ...more] = fleet.assign(10, nothingMixedIn);
    assert(job?.runner === 'trusted' && more.length === 0, 'only the trusted runner gets it');
    expect(fleet.leave('trusted', lost, 10)).toMatchObject([{ ok: false, attempts: 3 }]);
  });

  test('is given up once runners of three owners have refused it', () => {
    const fleet = new Fleet(options);
    submit(fleet, 1);
    expect(fail(fleet, [terms('a'), terms('b'), terms('c')])).toMatchObject([
      { ok: false, code: 'embedding_failed', runner: 'c' },
    ]);
  });

  test('is never given up for runners of one owner: it waits, and holds up no other text', () => {
    const fleet = new Fleet(options);
    submit(fleet, 1);
    expect(fail(fleet, [shared('a'), shared('b'), shared('c')])).toEqual([]);
    expect(fleet.stats()).toMatchObject({ held: 1, waiting: 1 });
    submit(fleet, 1, 'bulk', 1);
    fleet.join(shared('d'));
    fleet.serve('d');
    const [other, ...more] = fleet.assign(1, nothingMixedIn);
    assert(other !== undefined && more.length === 0, 'only the other text is assigned');
    expect(other.texts).toEqual(['bulk 1']);
    succeed(fleet, other, 2);
    // Its owner may have repaired its runners.
    const [again] = fleet.assign(10_001, nothingMixedIn);
    assert(again !== undefined, 'it is tried again after a while');
    expect(succeed(fleet, again, 10_002)).toMatchObject([{ id: 'bulk-0', ok: true }]);
    expect(fleet.stats()).toMatchObject({ held: 0, waiting: 0 });
  });

  test.for([
    ['a trusted runner', { trusted: true }],
    ['a runner of another owner', { owner: 'other' }],
  ] as const)('that is held goes to %s at once', ([, who]) => {
    const fleet = new Fleet(options);
    submit(fleet, 1);
    fail(fleet, [shared('a'), shared('b'), shared('c')]);
    fleet.join({ ...shared('d'), ...who });
    fleet.serve('d');
    const [job] = fleet.assign(1, nothingMixedIn);
    assert(job !== undefined, 'it is assigned');
    expect(succeed(fleet, job, 2)).toMatchObject([{ id: 'bulk-0', ok: true }]);
  });

  test('of a search ends after three failures, whoever failed: its client waits', () => {
    const fleet = new Fleet(options);
    submit(fleet, 1, 'search');
    expect(fail(fleet, [shared('a'), shared('b'), shared('c')])).toMatchObject([{ ok: false }]);
  });

  test('is retried alone, on another runner if possible, and ends after three failures', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 100 }, { id: 'b', textsPerSecond: 100 });
    submit(fleet, 8);
    const [job] = fleet.assign(0, nothingMixedIn);
    const bad: EmbedOutcome = { ok: false, code: 'too_odd', message: 'too odd' };
    const answered = fleet.answer(
      'a',
      job?.jobId ?? '',
      1,
      (job?.texts ?? []).map((_, index) => (index === 3 ? bad : good)),
      10,
    );
    expect(answered.kind === 'work' && answered.embedded.map(({ text }) => text)).toEqual(
      [0, 1, 2, 4, 5, 6, 7].map((n) => `bulk ${n}`),
    );
    const [second] = fleet.assign(10, nothingMixedIn);
    expect(second).toMatchObject({ runner: 'b', texts: ['bulk 3'] });
    fleet.answer('b', second?.jobId ?? '', second?.attempt ?? 0, [bad], 20);
    fleet.join({ ...terms('c'), textsPerSecond: 1_000 });
    fleet.serve('c');
    fleet.drain('a');
    const [third] = fleet.assign(20, nothingMixedIn);
    expect(third).toMatchObject({ runner: 'c', texts: ['bulk 3'] });
    expect(fleet.answer('c', third?.jobId ?? '', third?.attempt ?? 0, [bad], 30)).toMatchObject({
      ended: [
        {
          id: 'bulk-3',
          ok: false,
          code: 'embedding_failed',
          message: 'too odd',
          attempts: 3,
          runner: 'c',
        },
      ],
    });
  });

  test('a runner that leaves in order never blames a text', () => {
    const fleet = new Fleet(options);
    submit(fleet, 1);
    for (let round = 0; round < 10; round++) {
      fleet.join(terms(`${round}`));
      fleet.serve(`${round}`);
      expect(fleet.assign(round, nothingMixedIn)).toHaveLength(1);
      expect(fleet.leave(`${round}`, null, 0)).toEqual([]);
    }
    expect(fleet.stats()).toMatchObject({ waiting: 1 });
  });

  test('cancelled texts leave no trace, in the queue or in a job', () => {
    const fleet = fleetWith({ id: 'a', textsPerSecond: 100 });
    submit(fleet, 200);
    const [job] = fleet.assign(0, nothingMixedIn);
    for (let index = 0; index < 200; index++) fleet.cancel(`bulk-${index}`);
    expect(fleet.stats()).toMatchObject({ waiting: 0, inWork: 0 });
    expect(job && succeed(fleet, job, 10)).toEqual([]);
    fleet.leave('a', lost, 0);
    expect(fleet.stats()).toMatchObject({ waiting: 0, inWork: 0 });
  });
});

type Step =
  | {
      readonly do: 'submit';
      readonly count: number;
      readonly lane: 'bulk' | 'search';
      readonly poisonAt: number | null;
    }
  | { readonly do: 'join'; readonly textsPerSecond: number }
  | { readonly do: 'answer' | 'lose' | 'drain' | 'late' | 'cancel'; readonly pick: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('submit' as const),
    count: fc.integer({ min: 1, max: 60 }),
    lane: fc.constantFrom('bulk' as const, 'search' as const),
    poisonAt: fc.option(fc.nat(60)),
  }),
  fc.record({
    do: fc.constant('join' as const),
    textsPerSecond: fc.constantFrom(1, 30, 100, 2000),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'answer' as const,
        'answer' as const,
        'lose' as const,
        'drain' as const,
        'late' as const,
        'cancel' as const,
      ),
      pick: fc.nat(),
    }),
  },
);

/** Plays the runners: poison in the job in work kills its runner; everything else is embedded. */
class Model {
  readonly fleet = new Fleet(options);
  readonly jobs = new Map<string, Assignment[]>();
  readonly past: Assignment[] = [];
  readonly live = new Set<string>();
  readonly ended = new Map<string, TaskResult>();
  readonly blamed = new Set<string>();
  now = 0;
  #lastText = 0;
  #lastRunner = 0;

  take(one: Step): void {
    this.now += 7;
    if (one.do === 'submit') this.submit(one.count, one.lane, one.poisonAt);
    else if (one.do === 'join') this.join(one.textsPerSecond);
    else if (one.do === 'answer') this.work(this.pick([...this.jobs.keys()], one.pick));
    else if (one.do === 'lose') this.lose(this.pick([...this.jobs.keys()], one.pick));
    else if (one.do === 'drain') this.drain(this.pick([...this.jobs.keys()], one.pick));
    else if (one.do === 'late') this.late(this.pick(this.past, one.pick));
    else this.cancel(this.pick([...this.live], one.pick));
    this.assign();
  }

  pick<T>(from: readonly T[], index: number): T | undefined {
    return from[index % Math.max(1, from.length)];
  }

  submit(count: number, lane: 'bulk' | 'search', poisonAt: number | null): void {
    for (let index = 0; index < count; index++) {
      const id = `${index === poisonAt ? 'poison' : 'fine'}-${++this.#lastText}`;
      this.fleet.submit({ id, text: id, lane });
      this.live.add(id);
    }
  }

  join(textsPerSecond: number): void {
    const id = `runner-${++this.#lastRunner}`;
    this.fleet.join({ ...terms(id), textsPerSecond });
    this.fleet.serve(id);
    this.jobs.set(id, []);
  }

  assign(): void {
    for (const job of this.fleet.assign(this.now, nothingMixedIn)) {
      const jobs = this.jobs.get(job.runner);
      if (jobs === undefined) throw new Error(`${job.runner} is not there`);
      jobs.push(job);
      assert(jobs.length <= 2, 'more than one job in work and one prefetched');
      assert(job.texts.length > 0, 'an empty job');
    }
  }

  work(runner: string | undefined): void {
    const job = this.jobs.get(runner ?? '')?.[0];
    if (runner === undefined || job === undefined) return;
    if (job.texts.some((text) => text.startsWith('poison'))) {
      this.end(this.fleet.leave(runner, lost, 0));
      this.jobs.delete(runner);
      return;
    }
    this.jobs.get(runner)?.shift();
    this.past.push(job);
    this.end(succeed(this.fleet, job, this.now));
  }

  /**
   * The connection is lost: the job in work is blamed, but each text at most once, so that no
   * innocent text is given up.
   */
  lose(runner: string | undefined): void {
    if (runner === undefined) return;
    const jobs = this.jobs.get(runner) ?? [];
    const texts = jobs[0]?.texts ?? [];
    const blame = texts.every((text) => !this.blamed.has(text));
    if (blame) for (const text of texts) this.blamed.add(text);
    this.past.push(...jobs);
    this.jobs.delete(runner);
    this.end(this.fleet.leave(runner, blame ? lost : null, 0));
  }

  drain(runner: string | undefined): void {
    if (runner !== undefined) this.fleet.drain(runner);
  }

  late(job: Assignment | undefined): void {
    if (job === undefined) return;
    const answered = this.fleet.answer(
      job.runner,
      job.jobId,
      job.attempt,
      job.texts.map(() => good),
      this.now,
    );
    assert.equal(answered.kind, 'late');
  }

  cancel(id: string | undefined): void {
    if (id === undefined) return;
    this.fleet.cancel(id);
    this.live.delete(id);
  }

  end(ended: readonly TaskResult[]): void {
    for (const one of ended) {
      assert(this.live.delete(one.id), `${one.id} ended, but was not live`);
      this.ended.set(one.id, one);
    }
  }

  /** New runners join until everything has ended. */
  finish(): void {
    for (let round = 0; this.live.size > 0; round++) {
      assert(round < 20_000, 'texts never end');
      this.now += 7;
      if ([...this.jobs.values()].every((jobs) => jobs.length === 0)) this.join(2000);
      this.assign();
      for (const runner of this.jobs.keys()) this.work(runner);
    }
  }
}

test('in any history every text ends exactly once, and only poison fails', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const one of steps) model.take(one);
      model.finish();
      for (const one of model.ended.values()) expect(one.ok).toBe(one.id.startsWith('fine'));
      expect(model.fleet.stats()).toMatchObject({ waiting: 0, inWork: 0 });
    }),
    { numRuns: 150 },
  );
});

test("one owner's text goes to no other, and a vote ends with its first failure", () => {
  const fleet = fleetWith({ id: 'first', textsPerSecond: 100 }, { id: 'b', textsPerSecond: 100 });
  fleet.submit({ id: 'vote', text: 'a lamp', lane: 'peer-check', onlyFor: 'b' });
  const [job, ...more] = fleet.assign(0, nothingMixedIn);
  expect([job?.runner, more]).toEqual(['b', []]);
  expect(fleet.leave('b', lost, 1)).toMatchObject([{ id: 'vote', ok: false }]);
  expect(fleet.stats()).toMatchObject({ waiting: 0, inWork: 0 });
});

test('one poison text among 500 costs few runners', () => {
  const model = new Model();
  model.join(1000);
  model.submit(500, 'bulk', 123);
  let runners = 0;
  while (model.live.size > 0) {
    if (model.jobs.size === 0) {
      runners += 1;
      model.join(1000);
    }
    model.assign();
    for (const runner of model.jobs.keys()) model.work(runner);
  }
  expect([...model.ended.values()].filter(({ ok }) => !ok).map(({ id }) => id)).toEqual([
    'poison-124',
  ]);
  // One unchanged retry, nine halvings, and the rest of the three attempts alone.
  expect(runners).toBeLessThanOrEqual(13);
});
