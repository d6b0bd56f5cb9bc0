// The soak: a rise is detected however the series scatters, and a run of seconds on a real gateway
// ends in a table.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openPage } from '../../bench/soak/open-page.ts';
import { bucketsOf, quantileOf, since, type Sample } from '../../bench/soak/sample.ts';
import { trendOf, withoutWarmUp } from '../../bench/soak/trend.ts';
import { verdictsOf, verdictTable } from '../../bench/soak/verdict.ts';
import { random } from '../../cli/generator/random.ts';
import { browserExecutable, needsBrowser } from '../helpers/browser.ts';
import { runProgram } from '../helpers/program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const straight = (slope: number, count: number) =>
  Array.from({ length: count }, (_, x) => ({ x, y: slope * x + 7 }));
const look = (a: number, b: number, all: number) =>
  bucketsOf(
    `x_bucket{le="0.1"} ${a}\nx_bucket{le="0.5"} ${b}\nx_bucket{le="+Inf"} ${all}\n` +
      'other_bucket{le="0.1"} 7\n',
    'x',
  );
const broken = (samples: readonly Sample[]) =>
  verdictsOf(samples)
    .filter(({ isKept }) => !isKept)
    .map(({ name }) => name);

describe('the slope of Theil and Sen', () => {
  const rise = fc.integer({ min: -1000, max: 1000 });

  test('is that of the line through the points, with certainty', () => {
    fc.assert(
      fc.property(rise, fc.integer({ min: 10, max: 60 }), (slope, count) => {
        expect(trendOf(straight(slope, count))).toEqual({ slope, atLeast: slope });
      }),
    );
  });

  test('is not moved by a fifth of wild values, wherever they are', () => {
    fc.assert(
      fc.property(
        rise,
        fc.uniqueArray(fc.integer({ min: 0, max: 39 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: -1e6, max: 1e6 }),
        (slope, wild, by) => {
          const points = straight(slope, 40).map((point, index) =>
            wild.includes(index) ? { x: point.x, y: point.y + by } : point,
          );
          expect(trendOf(points)?.slope).toBeCloseTo(slope, 6);
        },
      ),
    );
  });

  test('turns with the series, and scales with it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 10, maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        (ys, factor) => {
          const slopeOf = (by: number) =>
            trendOf(ys.map((y, x) => ({ x, y: by * y })))?.slope ?? Number.NaN;
          expect(slopeOf(-1)).toBeCloseTo(-slopeOf(1), 9);
          expect(slopeOf(factor)).toBeCloseTo(factor * slopeOf(1), 9);
        },
      ),
    );
  });

  test('hardly ever reports a rise in a series that only scatters', () => {
    const rising = Array.from({ length: 200 }, (_, seed) => {
      const dice = random(seed, 5);
      return trendOf(Array.from({ length: 60 }, (_point, x) => ({ x, y: dice.next() })));
    }).filter((trend) => trend !== null && trend.atLeast > 0);
    // 2.5 % of 200 is 5.
    expect(rising.length).toBeLessThan(15);
  });

  test('is not given for fewer than ten points, and uses a thousand of very many', () => {
    expect(trendOf(straight(1, 9))).toBeNull();
    expect(trendOf(straight(3, 20_000))?.slope).toBe(3);
  });
});

test('warm-up is left out by time, not by the number of points', () => {
  expect(
    withoutWarmUp(
      [0, 1, 2, 3, 20, 50, 100].map((x) => ({ x })),
      0.2,
    ).map(({ x }) => x),
  ).toEqual([20, 50, 100]);
});

test('a percentile of the last seconds comes from the difference of two looks', () => {
  const latest = since(look(1000, 1000, 1000), look(1000, 1100, 1100));
  expect(quantileOf(latest, 0.5)).toBeCloseTo(0.3);
  expect(quantileOf(since(look(1, 2, 3), look(1, 2, 3)), 0.99)).toBeNull();
  expect(quantileOf(since(look(0, 0, 0), look(0, 0, 5)), 0.99)).toBe(0.5);
});

describe('the verdict', () => {
  const flat: Sample = {
    seconds: 0,
    rssBytes: 200e6,
    heapBytes: 60e6,
    pageBytes: null,
    fileHandles: 50,
    eventLoopDelayMs: 12,
    searchableMs: 80,
    unsettled: 20,
    lag: 30,
    stored: 0,
    deadLettered: 0,
    textsEmbedded: 0,
  };
  const tenMinutes = (change: (index: number) => Partial<Sample>) =>
    Array.from({ length: 120 }, (_, index) => ({ ...flat, seconds: index * 5, ...change(index) }));

  test('keeps what scatters around a level', () => {
    const dice = random(3, 3);
    expect(
      broken(
        tenMinutes(() => ({
          rssBytes: 200e6 + dice.next() * 30e6,
          heapBytes: 40e6 + dice.next() * 40e6,
          lag: dice.below(400),
        })),
      ),
    ).toEqual([]);
  });

  test('finds memory that grows by 3 MB a minute, and one handle lost in a minute', () => {
    const dice = random(4, 4);
    expect(
      broken(tenMinutes((index) => ({ rssBytes: 200e6 + (index / 12) * 3e6 + dice.next() * 2e6 }))),
    ).toEqual(['resident memory']);
    expect(broken(tenMinutes((index) => ({ fileHandles: 50 + Math.floor(index / 12) })))).toEqual([
      'open file handles',
    ]);
  });

  test('does not report a single step as a leak', () => {
    expect(broken(tenMinutes((index) => ({ rssBytes: index < 60 ? 200e6 : 208e6 })))).toEqual([]);
  });

  test('detects a level that is too high without any rise', () => {
    expect(broken(tenMinutes(() => ({ rssBytes: 400e6 })))).toEqual(['resident memory']);
  });

  test('is shown in a table, without what the system does not report', () => {
    const lines = verdictTable(
      verdictsOf(tenMinutes((index) => ({ fileHandles: null, rssBytes: 200e6 + index * 1e6 }))),
    ).split('\n');
    expect(lines.find((line) => line.includes('resident memory'))).toMatch(/BROKEN$/);
    expect(lines.filter((line) => line.endsWith('kept'))).toHaveLength(5);
    expect(lines.join()).not.toContain('file handles');
  });
});

test('a run of seconds on a real gateway reports its figures', async () => {
  await using folder = await temporaryFolder();
  const out = join(folder.path, 'samples.ndjson');
  const { code, stdout, stderr } = await runProgram({
    script: 'bench/soak/soak.ts',
    flags: ['--minutes', '0.06', '--every', '0.25', '--rate', '40', '--runners', '1', '--out', out],
    environment: {},
  });
  // A busy machine may exceed a bound in so short a time, so the test checks only that everything
  // is measured, judged and reported.
  expect([0, 1], stderr).toContain(code);
  expect(stdout).toMatch(
    /After \d+ s of \d+ s: \d+ samples, \d+ events\/s stored, \d+ texts embedded, 0 events dead-lettered/,
  );
  expect(stdout).toMatch(/event to searchable, p99 +\d/);
  expect(stdout).toMatch(/resident memory +\d+ MB/);
  const samples = (await readFile(out, 'utf8'))
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(samples.length).toBeGreaterThan(3);
  expect(samples.at(-1)).toMatchObject({
    rssBytes: expect.any(Number),
    heapBytes: expect.any(Number),
    eventLoopDelayMs: expect.any(Number),
    deadLettered: 0,
  });
});

test('an open page tells what it holds', async ({ skip }) => {
  await needsBrowser(skip);
  await using page = await openPage('about:blank', await browserExecutable());
  const bytes = await page.memoryBytes();
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(50e6);
});
