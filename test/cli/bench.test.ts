// The figures of the benchmarks: reports match the measurements.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { atLeast, isMet, lessThan, row } from '../../bench/benchmark.ts';
import { compareRows } from '../../bench/compare-rows.ts';
import { median, medianRatio, quantile, secondHalf, slope } from '../../bench/figures.ts';
import { rowsOf } from '../../bench/gpu-benchmark.ts';
import { queryAt } from '../../bench/searcher.ts';
import { figure, table } from '../../bench/table.ts';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });

describe('median', () => {
  test('is the middle value, or the mean of the two middle ones', () => {
    expect(median([9])).toBe(9);
    expect(median([100, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 100])).toBe(3);
    expect(median([])).toBeNaN();
  });

  test('has as many values below it as above, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 50 }), (values) => {
        const middle = median(values);
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(
          values.length / 2,
        );
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(
          values.length / 2,
        );
        expect(median(values.toReversed()) - middle).toBeCloseTo(0, 12);
      }),
    );
  });
});

describe('quantile', () => {
  test('is the smallest value that this share does not exceed', () => {
    expect(quantile([5, 1, 4, 2, 3], 0.5)).toBe(3);
    expect(quantile([], 0.5)).toBeNaN();
    fc.assert(
      fc.property(
        fc.array(finite, { minLength: 1, maxLength: 50 }),
        fc.double({ noNaN: true, min: 0.01, max: 1 }),
        (values, share) => {
          const found = quantile(values, share);
          expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(
            share * values.length - 1e-9,
          );
          expect(values.filter((value) => value < found).length).toBeLessThan(
            share * values.length + 1e-9,
          );
        },
      ),
    );
  });
});

describe('queries', () => {
  test('are all different, so that none is answered from memory', () => {
    const queries = Array.from({ length: 1728 }, (_, index) => queryAt(index));
    expect(new Set(queries).size).toBe(queries.length);
    expect(() => queryAt(1728)).toThrow(RangeError);
  });
});

describe('medianRatio', () => {
  test('compares the members of a pair, so that a slow round counts for both', () => {
    expect(
      medianRatio([
        { ours: 300, theirs: 100 },
        { ours: 30, theirs: 10 },
        { ours: 100, theirs: 100 },
      ]),
    ).toBe(3);
  });
});

describe('slope', () => {
  test('finds the line that points lie on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1000, max: 1000 }),
        fc.integer({ min: -1000, max: 1000 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 40 }),
        (rise, offset, xs) => {
          expect(slope(xs.map((x) => ({ x, y: rise * x + offset })))).toBeCloseTo(rise, 6);
        },
      ),
    );
  });

  test('passes between points that scatter', () => {
    expect(
      slope([
        { x: 0, y: 0 },
        { x: 1, y: 3 },
        { x: 2, y: 0 },
        { x: 3, y: 3 },
      ]),
    ).toBeCloseTo(0.6);
  });

  test('is not a number where there is no line', () => {
    expect(slope([{ x: 1, y: 1 }])).toBeNaN();
    expect(slope([])).toBeNaN();
  });
});

describe('secondHalf', () => {
  test('goes by x, not by the number of points', () => {
    const points = [0, 1, 2, 3, 4, 60, 100].map((x) => ({ x }));
    expect(secondHalf(points)).toEqual([{ x: 60 }, { x: 100 }]);
    expect(secondHalf([])).toEqual([]);
  });
});

describe('a row', () => {
  test('is met or missed by its bound, and always met without one', () => {
    expect(isMet(row('rate', 3000, 'events/s', atLeast(3000)))).toBe(true);
    expect(isMet(row('rate', 2999, 'events/s', atLeast(3000)))).toBe(false);
    expect(isMet(row('memory', 300, 'MB', lessThan(300)))).toBe(false);
    expect(isMet(row('memory', 299, 'MB', lessThan(300)))).toBe(true);
    expect(isMet(row('anything', -1, 'ms'))).toBe(true);
  });

  test('that could not be measured meets no target', () => {
    expect(isMet(row('rate', Number.NaN, 'events/s', atLeast(1)))).toBe(false);
    expect(isMet(row('memory', Number.NaN, 'MB', lessThan(1)))).toBe(false);
  });

  test('is shown with its unit and its target', () => {
    expect(table([row('rate', 2999, 'events/s', atLeast(3000)), row('ratio', 2.345, '×')])).toBe(
      ['  rate   2,999 events/s  at least 3,000: NOT MET', '  ratio   2.35 ×'].join('\n'),
    );
  });

  test('shows three significant digits', () => {
    expect([1234.5, 123.4, 12.34, 1.234, 0.1234, 0, -12.34].map(figure)).toEqual([
      '1,235',
      '123',
      '12.3',
      '1.23',
      '0.123',
      '0',
      '-12.3',
    ]);
  });
});

describe('the GPU benchmark', () => {
  const shape = { texts: 8, tokens: 32 };
  const on = (software: boolean) => [
    { kind: 'adapter', adapter: { name: 'the adapter', software } } as const,
    { kind: 'ours', shape, textsPerSecond: 900 } as const,
    { kind: 'agreement', leastCosine: 0.99999 } as const,
  ];

  test('shows rates of a GPU', () => {
    const said: string[] = [];
    const rows = rowsOf(on(false), 'fp16', (line) => said.push(line));
    expect(rows.map(({ measure, value }) => [measure, value])).toEqual([
      ['fp16: 8 × 32 tokens, VectorStream', 900],
      ['fp16: least cosine to the pipeline', 0.99999],
    ]);
    expect(said).toEqual(['fp16: the adapter']);
  });

  test('shows no rate of a software adapter, and says so', () => {
    const said: string[] = [];
    const rows = rowsOf(on(true), 'fp32', (line) => said.push(line));
    expect(rows.map(({ unit }) => unit)).not.toContain('texts/s');
    expect(said).toEqual(['fp32: the adapter, software adapter: unmeasured']);
  });
});

const turn = (ours: number, theirs: number) => ({
  ours: [row('time', ours, 'µs', lessThan(130)), row('new', 1, '')],
  theirs: [row('gone', 1, ''), row('time', theirs, 'µs')],
});

test('two versions are compared row by row, turn by turn', () => {
  expect(compareRows([turn(100, 200), turn(300, 300)], 'v1')).toEqual([
    row('time', 200, 'µs', lessThan(130)),
    row('… ratio to v1', 0.75, '×'),
    row('new', 1, ''),
  ]);
});
