// Groups texts of similar length into micro-batches, so that a session computes little padding.

import { at } from '#core/errors/assert.ts';

/**
 * Groups of indices into `lengths` (tokens per text, ≥ 0), longest texts first. Every index is in
 * exactly one group; a group's padded cost (longest × count) is at most `budget` tokens, except
 * where a single text alone exceeds it.
 *
 *     microBatches([3, 9, 4], 10); // [[1], [2, 0]]: 9 alone; 4 and 3 padded to 2 × 4 = 8
 */
export function microBatches(lengths: readonly number[], budget: number): number[][] {
  const lengthOf = (index: number): number => at(lengths, index);
  const order = lengths
    .map((_, index) => index)
    .toSorted((a, b) => lengthOf(b) - lengthOf(a) || a - b);
  const batches: number[][] = [];
  let current: number[] = [];
  for (const index of order) {
    // Sorted, so the first of a batch is its longest.
    const longest = lengthOf(current[0] ?? index);
    if (current.length > 0 && longest * (current.length + 1) > budget) {
      batches.push(current);
      current = [];
    }
    current.push(index);
  }
  if (current.length > 0) batches.push(current);
  return batches;
}
