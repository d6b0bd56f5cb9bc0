// A newcomer gets work by its proven answers and never by its claims, holds nothing up, and embeds
// no search while a believed runner can.

import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { nothingMixedIn, type Assignment } from '#core/fleet/fleet-job.ts';
import { Fleet } from '#core/fleet/fleet.ts';
import { Probation, provingTextsDefault } from '#core/fleet/probation.ts';
import { defaultPace } from '#core/fleet/runner-pace.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import { seeded } from '../helpers/seeded.ts';

const options = {
  pace: defaultPace,
  attemptsAloneMax: 3,
  provingTexts: provingTextsDefault,
  tasksMax: 10_000,
  checkIntervalMs: 60_000,
  searchJobMsMax: 1_500,
};
const good: EmbedOutcome = { ok: true, vector: Float32Array.of(1, 0) };

function join(fleet: Fleet, id: string, textsPerSecond: number, trusted = false): void {
  const rest = { name: id, owner: id, textsPerJobMax: 512, mustNotEmbed: null, limit: null };
  fleet.join({ id, textsPerSecond, trusted, ...rest });
  fleet.serve(id);
}

/** A fleet with the trusted runner `own`, which embeds 50 texts per second. */
function guarded(...newcomers: readonly [id: string, textsPerSecond: number][]): Fleet {
  const fleet = new Fleet(options, true);
  join(fleet, 'own', 50, true);
  for (const [id, textsPerSecond] of newcomers) join(fleet, id, textsPerSecond);
  return fleet;
}

let lastText = 0;
function submit(
  fleet: Fleet,
  count: number,
  lane: 'bulk' | 'search' | 'repair' | 'first-check' = 'bulk',
) {
  for (let n = 0; n < count; n++) {
    const id = `${lane} ${(lastText += 1)}`;
    fleet.submit({ id, text: id, lane });
  }
}

const assign = (fleet: Fleet, now: number): readonly Assignment[] =>
  fleet.assign(now, nothingMixedIn);
const jobsOf = (jobs: readonly Assignment[], id: string) =>
  jobs.filter(({ runner }) => runner === id).map(({ texts }) => texts.length);

function answer(fleet: Fleet, { runner, jobId, attempt, texts }: Assignment, now: number) {
  const outcomes = texts.map(() => good);
  return fleet.answer(runner, jobId, attempt, outcomes, now);
}

/** The runner's answer has come, and a trusted runner agrees with it. */
function prove(fleet: Fleet, sent: Assignment, now: number): void {
  const { runner, texts } = sent;
  const job = fleet.job(runner, sent.jobId, sent.attempt);
  assert(job !== null && fleet.proving.awaitsCheck(runner, job, now), 'it awaits a check');
  fleet.proving.agreed(runner, job, fleet.proving.probation(runner).checksOf(texts.length));
  assert(answer(fleet, sent, now).kind === 'work', 'the answer is used');
}

/** Lets a newcomer prove itself, with 10 ms for each job. Returns the sizes of its jobs. */
function proveFully(fleet: Fleet, id: string): number[] {
  const sizes: number[] = [];
  for (let now = 0; !fleet.proving.probation(id).isProven; now += 10) {
    submit(fleet, 600);
    for (const job of assign(fleet, now)) {
      if (job.runner !== id) continue;
      sizes.push(job.texts.length);
      prove(fleet, job, now + 10);
    }
  }
  return sizes;
}

describe('a newcomer beside a trusted runner', () => {
  test.for([0.01, 1e6])('gets small jobs that grow, whether it claims %d texts/s', (claimed) => {
    const fleet = guarded(['new', Math.max(claimed, 100)]);
    const sizes = proveFully(fleet, 'new');
    expect([sizes.length, ...sizes.slice(0, 8)]).toEqual([12, 1, 2, 4, 8, 8, 8, 16, 32]);
    expect(sizes.at(-1)).toBeLessThanOrEqual(512);
    expect(fleet.proving.probation('new').agreed).toBe(provingTextsDefault);
    expect(fleet.textsPerSecond('new')).toBe(64);
    fleet.proving.sampled('new');
    fleet.proving.compared('new', true);
    expect(fleet.textsPerSecond('new')).toBe(128);
  });

  test('that was just proven has one small job at a time, and none while four samples wait', () => {
    const fleet = guarded(['new', 1e6]);
    proveFully(fleet, 'new');
    const [job, ...more] = assign(fleet, 1_000).filter(({ runner }) => runner === 'new');
    assert(job !== undefined && more.length === 0);
    expect([job.texts.length, fleet.proving.textsPerSample('new', 1_000)]).toEqual([16, 4]);
    for (let sample = 0; sample < 4; sample++) fleet.proving.sampled('new');
    answer(fleet, job, 1_010);
    expect(jobsOf(assign(fleet, 1_020), 'new')).toEqual([]);
    fleet.proving.compared('new', true);
    expect(jobsOf(assign(fleet, 1_020), 'new')).toEqual([20]);
    expect(fleet.proving.textsPerSample('new', 1_020)).toBe(5);
    for (let sample = 0; sample < 95; sample++) fleet.proving.compared('new', true);
    expect(fleet.proving.isJustProven('new', 1_020)).toBe(false);
    expect(fleet.proving.textsPerSample('new', 1_020)).toBe(100);
  });

  test('gets one job at a time, and the next one only after the check', () => {
    const fleet = guarded(['new', 1e6]);
    submit(fleet, 1_000);
    const first = assign(fleet, 0);
    expect(jobsOf(first, 'new')).toEqual([1]);
    expect(jobsOf(assign(fleet, 1_000), 'new')).toEqual([]);
    const [job] = first.filter(({ runner }) => runner === 'new');
    assert(job !== undefined);
    prove(fleet, job, 1_000);
    expect(jobsOf(assign(fleet, 1_000), 'new')).toEqual([2]);
  });

  test('loses late texts to the trusted runner, but not while it waits for a check', () => {
    const fleet = guarded(['silent', 0.01]);
    submit(fleet, 1);
    fleet.drain('own');
    const [job] = assign(fleet, 0);
    assert(job?.runner === 'silent');
    join(fleet, 'own 2', 50, true);
    fleet.proving.takeBackLate(3_001);
    const [again] = assign(fleet, 3_001);
    expect(again).toMatchObject({ runner: 'own 2', texts: job.texts, attempt: 2 });
    expect(fleet.expired(3_001)).toEqual([]);
    expect(answer(fleet, job, 4_000).kind).toBe('check');

    submit(fleet, 100);
    const [next] = assign(fleet, 4_000).filter(({ runner }) => runner === 'silent');
    assert(next !== undefined);
    const held = fleet.job('silent', next.jobId, next.attempt);
    assert(held !== null && fleet.proving.awaitsCheck('silent', held, 4_100));
    fleet.proving.takeBackLate(10_000);
    expect(held.group).not.toBeNull();
    expect(fleet.expired(1e9)).not.toContain('silent');
  });

  test('that leaves gives its texts to believed runners, not to the next newcomer', () => {
    const fleet = guarded(['first', 1e6], ['second', 1e6]);
    submit(fleet, 2);
    fleet.drain('own');
    expect(assign(fleet, 0).map(({ runner }) => runner)).toEqual(['first', 'second']);
    fleet.leave('first', null, 0);
    fleet.leave('second', { code: 'runner_lost', message: 'lost' }, 0);
    join(fleet, 'third', 1e6);
    expect(assign(fleet, 1)).toEqual([]);
    join(fleet, 'other own', 50, true);
    expect(jobsOf(assign(fleet, 2), 'other own')).toEqual([1, 1]);
  });

  test('shares at most what trusted runners can check: 20 newcomers hold 10 jobs', () => {
    const fleet = guarded(...Array.from({ length: 20 }, (_, n): [string, number] => [`${n}`, 1e6]));
    submit(fleet, 1_000);
    expect(assign(fleet, 0).filter(({ runner }) => runner !== 'own')).toHaveLength(10);
  });

  test('gets no more texts than a slow trusted runner can check within about a second', () => {
    const fleet = new Fleet(options, true);
    join(fleet, 'own', 5, true);
    join(fleet, 'new', 1e6);
    const sizes = proveFully(fleet, 'new');
    expect([sizes[0], ...new Set(sizes.slice(1, -1))]).toEqual([1, 2]);
  });

  test('works unchecked once no trusted runner was there for a check interval', () => {
    const fleet = guarded(['new', 1_000]);
    submit(fleet, 1_000);
    assign(fleet, 0);
    fleet.leave('own', null, 0);
    fleet.leave('new', null, 0);
    join(fleet, 'later', 1_000);
    expect(jobsOf(assign(fleet, 59_000), 'later')).toEqual([1]);
    join(fleet, 'other', 1_000);
    expect(fleet.proving.isGuarded(60_001)).toBe(false);
    expect(Math.max(...jobsOf(assign(fleet, 60_001), 'other'))).toBeGreaterThan(1);
  });
});

test('checks of newcomers take a fifth of a trusted runner while other work waits', () => {
  const fleet = guarded();
  let checkMs = 0;
  let job: Assignment | undefined;
  const waiting: Assignment[] = [];
  for (let now = 0; now < 100_000; now += 20) {
    submit(fleet, 3);
    submit(fleet, 1, 'first-check');
    waiting.push(...assign(fleet, now));
    job ??= waiting.shift();
    if (job === undefined) continue;
    const texts = job.texts.length;
    if (job.texts[0]?.startsWith('first-check') === true) checkMs += 20 * texts;
    now += 20 * texts;
    answer(fleet, job, now);
    job = undefined;
  }
  expect(checkMs / 100_000).toBeGreaterThan(0.12);
  expect(checkMs / 100_000).toBeLessThan(0.21);
});

test('repair goes to trusted runners, before bulk work', () => {
  const fleet = guarded(['new', 1e6]);
  submit(fleet, 10);
  submit(fleet, 30, 'repair');
  const jobs = assign(fleet, 0);
  expect(jobsOf(jobs, 'own')).toEqual([25, 5]);
  expect(jobs.flatMap(({ runner, texts }) => (runner === 'own' ? texts : []))).toEqual(
    Array.from({ length: 30 }, () => expect.stringMatching(/^repair/)),
  );
});

/** What one liar gets into the store until it is found. */
type Lies = { readonly isProven: boolean; readonly wrong: number };

/** A runner that embeds `rightTexts` rightly, and is then wrong on a share of its texts. */
function liar(rightTexts: number, share: number, random: () => number): Lies {
  const probation = new Probation();
  let given = 0;
  let wrong = 0;
  const next = (): boolean => given++ >= rightTexts && random() < share;
  const use = (texts: readonly boolean[]): void => {
    wrong += texts.filter((isWrong) => isWrong).length;
  };
  while (!probation.isProven) {
    const job = Array.from({ length: probation.jobTexts }, next);
    const checks = probation.checksOf(job.length);
    const from = Math.floor(random() * (job.length - checks + 1));
    if (job.slice(from, from + checks).some((isWrong) => isWrong))
      return { isProven: false, wrong };
    use(job);
    probation.agree(checks);
  }
  // As many samples as may wait always do.
  const samples: boolean[] = [];
  let stratum: boolean[] = [];
  while (probation.isJustProven) {
    for (let left = probation.jobTexts; left > 0; left--) {
      stratum.push(next());
      if (stratum.length < probation.textsPerSample) continue;
      samples.push(stratum[Math.floor(random() * stratum.length)] === true);
      probation.wait(1);
      use(stratum);
      stratum = [];
    }
    if (samples.shift() === true) break;
    probation.wait(-1);
    probation.agree(1);
  }
  return { isProven: true, wrong };
}

const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

// The bounds are those of docs/trust.md.
test.for([
  { when: 'at once', rightTexts: 0, share: 0.1, proven: 0.001, wrong: 0.15 },
  { when: 'at once', rightTexts: 0, share: 0.2, proven: 0.001, wrong: 0.01 },
  { when: 'after 31 texts', rightTexts: 31, share: 0.05, proven: 0.12, wrong: 10 },
  { when: 'after 31 texts', rightTexts: 31, share: 0.1, proven: 0.01, wrong: 3 },
  { when: 'after 31 texts', rightTexts: 31, share: 0.2, proven: 0.001, wrong: 1 },
  { when: 'once it is proven', rightTexts: 1_039, share: 0.05, proven: 1, wrong: 28 },
  { when: 'once it is proven', rightTexts: 1_039, share: 0.1, proven: 1, wrong: 16 },
  { when: 'once it is proven', rightTexts: 1_039, share: 0.2, proven: 1, wrong: 16 },
  { when: 'once it is proven', rightTexts: 1_039, share: 1, proven: 1, wrong: 16 },
])(
  'a runner that is wrong on $share of its texts, $when, leaves at most $wrong wrong on average',
  ({ rightTexts, share, proven, wrong }) => {
    const random = seeded(15);
    const liars = Array.from({ length: 1_000 }, () => liar(rightTexts, share, () => random.next()));
    expect(mean(liars.map(({ isProven }) => Number(isProven)))).toBeLessThanOrEqual(proven);
    expect(mean(liars.map((each) => each.wrong))).toBeLessThanOrEqual(wrong);
  },
);

describe('a search', () => {
  test('goes to a trusted or proven runner; where none is, to any', () => {
    const fleet = guarded(['new', 1e6]);
    submit(fleet, 1, 'search');
    expect(assign(fleet, 0).map(({ runner }) => runner)).toEqual(['own']);
    const open = new Fleet(options);
    join(open, 'any', 1e6);
    submit(open, 1, 'search');
    expect(assign(open, 0).map(({ runner }) => runner)).toEqual(['any']);
  });

  test('that is not answered goes to a second runner too, and the first good answer wins', () => {
    const fleet = guarded();
    join(fleet, 'own 2', 10, true);
    fleet.submit({ id: 's', text: 'shoes', lane: 'search' });
    const [first] = assign(fleet, 0);
    assert(first?.runner === 'own');
    expect(fleet.hedge('s', 's again')).toBe(true);
    const [second] = assign(fleet, 200);
    assert(second?.runner === 'own 2');
    expect(answer(fleet, second, 210)).toMatchObject({ ended: [{ id: 's again', ok: true }] });
    fleet.cancel('s');
    expect(answer(fleet, first, 900)).toMatchObject({ kind: 'work', ended: [] });
    expect(fleet.stats()).toMatchObject({ waiting: 0, inWork: 0, held: 0 });
  });

  test('has no second runner when there is one only, or while it waits', () => {
    const fleet = guarded();
    fleet.submit({ id: 's', text: 'shoes', lane: 'search' });
    expect(fleet.hedge('s', 's again')).toBe(false);
    assign(fleet, 0);
    expect(fleet.hedge('s', 's again')).toBe(false);
  });

  test('that is late stays with a runner that serves alone', () => {
    const fleet = new Fleet(options);
    join(fleet, 'slow', 1);
    submit(fleet, 1, 'search');
    const [job] = assign(fleet, 0);
    assert(job !== undefined);
    fleet.proving.takeBackLate(5_000);
    expect(fleet.stats()).toMatchObject({ waiting: 0, inWork: 1 });
    answer(fleet, job, 6_000);
    expect(fleet.stats()).toMatchObject({ waiting: 0, inWork: 0 });
  });

  test('that is late is taken back, and three of them cost a runner its place', () => {
    const fleet = new Fleet(options);
    join(fleet, 'silent', 1e6);
    join(fleet, 'slow', 1);
    for (let n = 0, now = 0; n < 3; n++, now += 2_000) {
      submit(fleet, 1, 'search');
      const [late] = assign(fleet, now);
      assert(late?.runner === 'silent');
      fleet.proving.takeBackLate(now + 1_501);
      const [again] = assign(fleet, now + 1_501);
      assert(again?.runner === 'slow', 'another runner gets the text');
      answer(fleet, again, now + 1_600);
      answer(fleet, late, now + 1_700);
    }
    submit(fleet, 1, 'search');
    expect(assign(fleet, 10_000).map(({ runner }) => runner)).toEqual(['slow']);
  });
});
