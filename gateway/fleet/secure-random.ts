// Unpredictable random numbers: a runner must not be able to guess what is checked, and when.

import { randomFillSync } from 'node:crypto';
import { at } from '#core/errors/assert.ts';

/**
 * Returns a generator of uniform numbers in [0, 1) with 32 random bits. It reads them from the
 * system in blocks, because every embedded text costs one number.
 */
export function secureRandom(): () => number {
  const block = new Uint32Array(1024);
  let next = block.length;
  return () => {
    if (next === block.length) {
      randomFillSync(block);
      next = 0;
    }
    return at(block, next++) / 2 ** 32;
  };
}
