// Among runners that nobody trusts, a right one is safe until more than half of the voters are
// wrong, whatever vectors the others give.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outvoted, strayMax, votersMin, type Vote } from '#core/trust/agreement.ts';

const bounds = {
  fp32: { goldenMeanMin: 0.998, goldenMin: 0.995 },
  q8: { goldenMeanMin: 0.994, goldenMin: 0.988 },
  int8: { goldenMeanMin: 0.99, goldenMin: 0.976 },
};
type Dtype = keyof typeof bounds;
const dtypes: readonly Dtype[] = ['fp32', 'q8', 'int8'];

/** A vote at an angle to the right vector. */
function vote(owner: string, dtype: string, degrees: number): Vote {
  const angle = (degrees * Math.PI) / 180;
  const vector = Float32Array.of(Math.cos(angle), Math.sin(angle));
  return { runnerSession: owner, owner, dtype, vector };
}

/** How far from the right vector a right one may be. */
const strayDegrees = (dtype: Dtype): number =>
  (strayMax * Math.acos(bounds[dtype].goldenMin) * 180) / Math.PI;

const ownersOf = (said: ReturnType<typeof outvoted>) =>
  typeof said === 'string' ? said : said.map(({ owner }) => owner);
const judged = (votes: readonly Vote[], voters = votes.length) =>
  ownersOf(outvoted(votes, voters, bounds));

describe('a vote', () => {
  const [ada, ben, cid] = [vote('ada', 'fp32', 0), vote('ben', 'fp32', 1), vote('cid', 'fp32', 2)];
  const [liar, other] = [vote('liar', 'fp32', 90), vote('other liar', 'fp32', 90)];

  test('of three puts out the one that both others contradict', () => {
    expect(judged([ada, liar, ben])).toEqual(['liar']);
  });

  test('of two puts nobody out, and so does one of two against two', () => {
    expect(judged([ada, liar])).toBe('disputed');
    expect(judged([ada, liar, ben, other])).toBe('disputed');
  });

  test('that is not complete puts out only whom the missing votes cannot save', () => {
    expect(judged([ada, liar, other], 5)).toBe('disputed');
    expect(judged([ada, liar, ben, cid], 5)).toEqual(['liar']);
    expect(judged([ada, liar, ben, cid], 6)).toBe('disputed');
  });

  test('spares a right runner that another right one agrees with, though a liar does not', () => {
    // It is within the bound of `q8`, and beyond that of `ada`.
    const rotated = vote('rotated', 'int8', 28);
    const q8 = vote('q8', 'q8', 13);
    expect(judged([ada, q8])).toBe('agreed');
    for (const votes of [
      [ada, q8, rotated],
      [rotated, q8, ada],
      [q8, rotated, ada],
    ])
      expect(judged(votes)).toBe('disputed');
  });
});

const anyDtype = fc.constantFrom(...dtypes);
const rightVote = fc.tuple(anyDtype, fc.integer({ min: -99, max: 99 })).map(([dtype, percent]) => ({
  kind: 'right',
  dtype,
  degrees: (percent / 100) * strayDegrees(dtype),
}));
/** Near enough to a right vector for some of the right ones to agree with it. */
const nearVote = fc.record({
  kind: fc.constant('wrong'),
  dtype: anyDtype,
  degrees: fc.integer({ min: -50, max: 50 }),
});

test('no right runner is out while at most half of the voters are wrong', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(rightVote, nearVote), { minLength: votersMin, maxLength: 5 }),
      fc.integer({ min: 0, max: 2 }),
      (cast, silent) => {
        const voters = cast.length + silent;
        fc.pre(2 * cast.filter(({ kind }) => kind === 'wrong').length <= voters);
        const votes = cast.map(({ kind, dtype, degrees }) => vote(kind, dtype, degrees));
        expect(judged(votes, voters)).not.toContain('right');
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a runner that more than half of the voters contradict is out, in any order', () => {
  fc.assert(
    fc.property(
      fc.array(rightVote, { minLength: votersMin - 1, maxLength: 4 }),
      fc.nat(),
      (right, place) => {
        const votes = right.map(({ dtype, degrees }, n) => vote(`right ${n}`, dtype, degrees));
        votes.splice(place % (votes.length + 1), 0, vote('wrong', 'int8', 170));
        expect(judged(votes)).toEqual(['wrong']);
      },
    ),
  );
});
