// A reported rise is beyond chance, and every such rise is reported.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { growthMin, logLikelihoodRatio, risingOf, scoreMin } from '#core/analysis/rising.ts';

const totals = { count: 10_000, before: 70_000 };
const rises = (count: number, before: number, countMin = 5) =>
  risingOf([{ value: 'x', count, before }], totals, countMin).length === 1;

describe('rising', () => {
  it('is what has clearly more than its share; from 1 to 2, or unchanged, is not', () => {
    expect([rises(200, 350), rises(50, 0), rises(12, 7)]).toEqual([true, true, true]);
    expect([
      rises(2, 7),
      rises(1, 0),
      rises(50, 350),
      rises(55, 350),
      rises(5, 14),
      rises(10, 350),
    ]).toEqual(Array(6).fill(false));
  });

  it('excludes what has too few events, grew by less than half, or fell', () => {
    const number = fc.integer({ min: 0, max: 5_000 });
    fc.assert(
      fc.property(number, number, fc.integer({ min: 2, max: 100 }), (count, before, countMin) => {
        for (const entry of risingOf([{ value: 'x', count, before }], totals, countMin)) {
          expect(entry.count).toBeGreaterThanOrEqual(countMin);
          expect(entry.expected).toBeCloseTo(before / 7, 9);
          expect(entry.count).toBeGreaterThan(entry.expected);
          expect(entry.growth).toBeGreaterThanOrEqual(growthMin);
          expect(entry.score).toBeGreaterThanOrEqual(scoreMin);
        }
      }),
    );
  });

  it('is empty without a baseline, or when everything grows alike', () => {
    expect(
      risingOf([{ value: 'x', count: 500, before: 0 }], { count: 1_000, before: 0 }, 5),
    ).toEqual([]);
    const share = fc.integer({ min: 1, max: 500 });
    fc.assert(
      fc.property(
        fc.array(share, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 2, max: 50 }),
        (before, times) => {
          const tallies = before.map((events, at) => ({
            value: String(at),
            count: events * times,
            before: events,
          }));
          const all = before.reduce((sum, events) => sum + events, 0);
          expect(risingOf(tallies, { count: all * times, before: all }, 2)).toEqual([]);
        },
      ),
    );
  });

  it('lists the most surprising first, whatever the order of the input', () => {
    const tally = fc.record({
      value: fc.uuid(),
      count: fc.integer({ min: 0, max: 300 }),
      before: fc.integer({ min: 0, max: 300 }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(tally, { selector: ({ value }) => value, maxLength: 30 }),
        (tallies) => {
          const found = risingOf(tallies, totals, 5);
          expect(found.map(({ score }) => score)).toEqual(
            found.map(({ score }) => score).toSorted((a, b) => b - a),
          );
          expect(risingOf(tallies.toReversed(), totals, 5)).toEqual(found);
        },
      ),
    );
  });

  it('has a log-likelihood ratio of 0 for equal shares, never negative, and exact', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.nat(1000),
        fc.nat(1000),
        fc.nat(1000),
        (count, before, more, moreBefore) => {
          const score = logLikelihoodRatio(
            { count, before },
            { count: count + more, before: before + moreBefore },
          );
          expect(score).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(score)).toBe(true);
        },
      ),
    );
    expect(logLikelihoodRatio({ count: 10, before: 70 }, totals)).toBeCloseTo(0, 6);
    // 2 × (10 ln 2 + 0 + 0 + 10 ln 2) for the table (10, 0; 0, 10).
    expect(logLikelihoodRatio({ count: 10, before: 0 }, { count: 10, before: 10 })).toBeCloseTo(
      40 * Math.LN2,
      9,
    );
  });
});
