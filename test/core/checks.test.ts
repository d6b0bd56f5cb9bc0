// The checks find a wrong runner: canaries stay within their share and at unpredictable places, and
// samples catch every pattern of lying.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RunnerChecks } from '#core/fleet/runner-checks.ts';
import { TextRateLimit } from '#core/fleet/text-rate-limit.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import {
  agreementMin,
  boundsOf,
  MeanAgreement,
  meanAgreementMin,
  strayMax,
} from '#core/trust/agreement.ts';
import { Canaries } from '#core/trust/canaries.ts';
import { Sampler, type Sample } from '#core/trust/sampler.ts';
import { fakeVector, golden } from '../helpers/fake-model.ts';

const bounds = { goldenMeanMin: 0.999, goldenMin: 0.99 };
const limits = { checkIntervalMs: 60_000 };
const minuteMs = 60_000;

/** xorshift32. */
function randomFrom(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const right = (text: string): EmbedOutcome => ({ ok: true, vector: fakeVector(text) });
const texts = (count: number) => Array.from({ length: count }, (_, n) => `text ${n}`);
const canaries = (seed: number) =>
  new Canaries({ cases: golden.cases, bounds, limits, random: randomFrom(seed) }, 0);

describe('canaries', () => {
  test('are mixed into a job at the returned places, and its texts keep their order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 9 }),
        (seed, count, countMin, room) => {
          const { texts: mixed, canaries: places } = canaries(seed).mix(texts(count), {
            textsPerSecond: 1000,
            room,
            countMin,
            now: 10 * minuteMs,
          });
          expect(mixed.filter((_, at) => !places.has(at))).toEqual(texts(count));
          for (const [at, which] of places) expect(mixed[at]).toBe(golden.cases[which]?.text);
          expect(places.size).toBe(
            Math.min(room, Math.max(countMin, Math.max(1, Math.floor(count / 8)))),
          );
        },
      ),
    );
  });

  test("take at most 1 % of a runner's rate at any speed and job size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1 }),
        fc.constantFrom(0.5, 5, 40, 300, 5000),
        fc.integer({ min: 1, max: 200 }),
        (seed, textsPerSecond, count) => {
          const mixer = canaries(seed);
          const jobMs = Math.max(250, (count * 1000) / textsPerSecond);
          let placed = 0;
          let now = 0;
          for (let job = 0; job < 400; job++, now += jobMs)
            placed += mixer.mix(texts(count), { textsPerSecond, room: 50, countMin: 0, now })
              .canaries.size;
          expect(placed).toBeLessThanOrEqual(2 + (0.01 * 1.1 * textsPerSecond * now) / 1000);
          // Every golden text is used about once per check interval, if the rate allows it.
          const isFast = textsPerSecond >= 40 && now > 10 * minuteMs;
          expect(placed).toBeGreaterThan(isFast ? (golden.cases.length * now) / minuteMs / 2 : 0);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('are all used once before any is used again', () => {
    const mixer = canaries(7);
    const order = [
      ...mixer
        .mix(texts(40), { textsPerSecond: 1000, room: 3, countMin: 3, now: 0 })
        .canaries.values(),
    ];
    expect(new Set(order)).toEqual(new Set([0, 1, 2]));
    expect(order).toHaveLength(3);
  });

  test('report a wrong or missing one at once, and their mean when the round is complete', () => {
    const mixer = canaries(3);
    const job = mixer.mix(texts(10), { textsPerSecond: 1000, room: 9, countMin: 3, now: 0 });
    const [first = 0] = job.canaries.keys();
    expect(
      mixer.judge(
        job.canaries,
        job.texts.map((text, at) => (at === first ? right('else') : right(text))),
      ),
    ).toMatchObject({
      ok: false,
      message: expect.stringMatching(/golden text \d of 3, in an ordinary job, has the cosine/),
    });
    expect(
      mixer.judge(
        job.canaries,
        job.texts.map((text, at) =>
          at === first ? { ok: false, code: 'x', message: 'x' } : right(text),
        ),
      ),
    ).toMatchObject({ ok: false, message: expect.stringMatching(/was not embedded/) });
    const round = canaries(3);
    const one = round.mix(texts(10), { textsPerSecond: 1000, room: 1, countMin: 1, now: 0 });
    expect(round.judge(one.canaries, one.texts.map(right))).toBeNull();
    const rest = round.mix(texts(10), { textsPerSecond: 1000, room: 2, countMin: 2, now: 0 });
    expect(round.judge(rest.canaries, rest.texts.map(right))).toMatchObject({
      ok: true,
      mean: expect.closeTo(1, 5),
    });
  });
});

const any = fakeVector('x');
const sampler = (seed: number) =>
  new Sampler({ everyTexts: 100, everyMs: 15_000, random: randomFrom(seed) });
const answered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => ({ text: `${from + n}`, vector: any }));

describe('samples', () => {
  test('are one of every hundred texts, each with the same probability', () => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (let seed = 1; seed <= 1_000; seed++) {
      const chosen = sampler(seed * 7919).answered(answered(100), 0, 0);
      expect(chosen).toHaveLength(1);
      const tenth = Math.floor(Number(chosen[0]?.text) / 10);
      counts[tenth] = (counts[tenth] ?? 0) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(60);
  });

  test('are at least one per quarter of an interval, and none of an idle runner', () => {
    const one = sampler(5);
    expect(one.due(60_000)).toEqual([]);
    expect(one.answered(answered(3), 0, 1_000)).toEqual([]);
    expect(one.due(15_999)).toEqual([]);
    expect(one.due(16_000)).toHaveLength(1);
    expect(one.due(90_000)).toEqual([]);
  });

  test('n samples find a runner that is wrong on a share f with 1 − (1 − f)ⁿ', () => {
    const runs = 300;
    for (const [share, strata] of [
      [0.1, 20],
      [0.02, 60],
      [0.5, 4],
    ] as const) {
      for (const spread of ['scattered', 'in a row'] as const) {
        let found = 0;
        for (let run = 1; run <= runs; run++) {
          const dice = randomFrom(run * 104_729 + 1);
          const isWrong = (text: string) =>
            spread === 'scattered' ? dice() < share : Number(text) % 100 < share * 100;
          const wrong = new Set(
            answered(strata * 100)
              .map(({ text }) => text)
              .filter(isWrong),
          );
          if (
            sampler(run * 15_485_863)
              .answered(answered(strata * 100), 0, 0)
              .some(({ text }) => wrong.has(text))
          )
            found += 1;
        }
        const promised = 1 - (1 - share) ** strata;
        expect(found / runs).toBeGreaterThan(promised - 0.08);
      }
    }
  });

  test('hold back the verified time until they are compared and their stratum is full', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1 }),
        fc.array(fc.record({ count: fc.integer({ min: 1, max: 150 }), settle: fc.boolean() }), {
          minLength: 1,
          maxLength: 30,
        }),
        (seed, steps) => {
          const one = sampler(seed);
          const open: Sample[] = [];
          let now = 0;
          for (const { count, settle } of steps) {
            now += 1_000;
            open.push(...one.answered(answered(count), now, now), ...one.due(now));
            if (settle) for (const sample of open.splice(0)) one.settled(sample);
            for (const { embeddedAt } of open)
              expect(one.comparedUntil).toBeLessThanOrEqual(embeddedAt);
          }
          for (const sample of [...open, ...one.end()]) one.settled(sample);
          expect([one.comparedUntil, one.isSettled]).toEqual([Infinity, true]);
        },
      ),
    );
  });

  test('keep their vector when the frame that carried it is overwritten', () => {
    const frame = fakeVector('x');
    const [sample] = new Sampler({ everyTexts: 1, everyMs: 1, random: () => 0 }).answered(
      [{ text: 'x', vector: frame }],
      0,
      0,
    );
    frame.fill(0);
    expect(sample?.vector).toEqual(fakeVector('x'));
  });
});

test('work is verified only by a later canary and by its own samples', () => {
  const checks = new RunnerChecks(
    {
      golden,
      bounds: { fp32: bounds },
      dtype: 'fp32',
      limits,
      textsPerSample: 100,
      random: randomFrom(9),
    },
    1_000,
    0,
  );
  expect(checks.verifiedUntil).toBe(1_000);
  const [sample] = [
    ...checks.answered(
      Array.from({ length: 100 }, () => ({ text: 't', vector: fakeVector('t') })),
      'bulk',
      2_000,
      0,
    ),
  ];
  const { texts: mixed, canaries: places } = checks.mixIn({
    lane: 'cross-check',
    texts: ['t'],
    textsPerSecond: 1000,
    room: 10,
    now: 0,
  });
  const job = {
    group: null,
    lane: 'bulk' as const,
    answeredAt: null,
    jobId: 'j',
    attempt: 1,
    deadlineMs: 1,
    texts: mixed,
    canaries: places,
  };
  checks.worked();
  expect(checks.judge(job, mixed.map(right), 5_000)).toBeNull();
  expect(checks.verifiedUntil).toBe(2_000);
  if (sample !== undefined) checks.settled(sample);
  expect(checks.verifiedUntil).toBe(5_000);
  expect(
    checks.judge(
      job,
      mixed.map(() => right('else')),
      9_000,
    ),
  ).toMatchObject({ ok: false });
  expect(checks.verifiedUntil).toBe(5_000);
});

test('one of ten searches is a sample, however much other work there is', () => {
  const checks = new RunnerChecks(
    {
      golden,
      bounds: { fp32: bounds },
      dtype: 'fp32',
      limits,
      textsPerSample: 100,
      random: randomFrom(9),
    },
    0,
    0,
  );
  const work = (lane: 'search' | 'bulk', count: number) =>
    checks
      .answered(
        Array.from({ length: count }, () => ({ text: lane, vector: fakeVector(lane) })),
        lane,
        1_000,
        0,
      )
      .map(({ text }) => text);
  expect([...work('bulk', 450), ...work('search', 9)]).toEqual(['bulk', 'bulk', 'bulk', 'bulk']);
  const [sample] = checks.answered([{ text: 'search', vector: fakeVector('s') }], 'search', 2, 0);
  expect(sample?.text).toBe('search');
  // It is verified with the rest, and the last one of a runner that leaves is a sample too.
  expect(checks.isSettled).toBe(false);
  expect([...work('search', 1), ...checks.end().map(({ text }) => text)]).toEqual([
    'search',
    'bulk',
  ]);
});

test('two dtypes may differ by 1.5 times the sum of their distances from the reference', () => {
  const shipped = {
    fp32: { goldenMeanMin: 0.998, goldenMin: 0.995 },
    q8: { goldenMeanMin: 0.996, goldenMin: 0.988 },
    int8: { goldenMeanMin: 0.994, goldenMin: 0.98 },
  };
  const between = (a: string, b: string) =>
    agreementMin(boundsOf(shipped, a), boundsOf(shipped, b));
  expect(
    [
      between('fp32', 'fp32'),
      between('fp32', 'q8'),
      between('fp32', 'int8'),
      between('q8', 'int8'),
      between('int8', 'int8'),
    ].map((x) => Number(x.toFixed(3))),
  ).toEqual([0.955, 0.928, 0.9, 0.861, 0.825]);
  expect(between('q8', 'int8')).toBe(between('int8', 'q8'));
  expect(between('q3', 'fp32')).toBe(between('fp32', 'fp32'));
  fc.assert(
    fc.property(
      fc.double({ min: 0.9, max: 1, noNaN: true }),
      fc.double({ min: 0.9, max: 1, noNaN: true }),
      (a, b) => {
        const least = agreementMin(
          { goldenMeanMin: 1, goldenMin: a },
          { goldenMeanMin: 1, goldenMin: b },
        );
        expect(Math.acos(least)).toBeCloseTo(
          Math.min(Math.PI / 2, strayMax * (Math.acos(a) + Math.acos(b))),
          5,
        );
      },
    ),
  );
});

test('the mean of twenty checks must be nearer than one of them', () => {
  const [fp32, q8] = [
    { goldenMeanMin: 0.998, goldenMin: 0.995 },
    { goldenMeanMin: 0.996, goldenMin: 0.988 },
  ];
  const least = meanAgreementMin(fp32, q8);
  expect([least, meanAgreementMin(fp32, fp32)].map((x) => Number(x.toFixed(3)))).toEqual([
    0.982, 0.988,
  ]);
  const mean = new MeanAgreement();
  const added = (found: number, times: number): boolean[] =>
    Array.from({ length: times }, () => mean.add(found, least));
  expect(new Set(added(0.98, 19))).toEqual(new Set([true]));
  expect(added(0.98, 1)).toEqual([false]);
  expect(mean.mean).toBeCloseTo(0.98);
  // Twenty good ones later it is near again, and one that is far off is allowed.
  expect(added(0.998, 20).at(-1)).toBe(true);
  expect(added(0.93, 1)).toEqual([true]);
});

test('runners that share a rate never exceed it, and each gets at least one text', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.1, max: 500, noNaN: true }),
      fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 50, maxLength: 200 }),
      (perSecond, pauses) => {
        const rate = new TextRateLimit(perSecond);
        let now = 0;
        let taken = 0;
        for (const pause of pauses) {
          const most = rate.texts(now);
          if (most > 0) {
            rate.took(most, now);
            taken += most;
          }
          now += pause;
        }
        expect(taken).toBeLessThanOrEqual(Math.max(1, perSecond) + (perSecond * now) / 1000 + 1);
        expect(taken).toBeGreaterThan(0);
      },
    ),
  );
});
