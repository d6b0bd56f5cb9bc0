// Random numbers that nobody can foresee from those before: what is checked, and when, must be no
// guess of the runner's.

import { randomFillSync } from 'node:crypto';

/** Uniform in [0, 1), 32 bits. Drawn from the system in blocks, for every embedded text costs one. */
export function secureRandom(): () => number {
  const block = new Uint32Array(1024);
  let at = block.length;
  return () => {
    if (at === block.length) {
      randomFillSync(block);
      at = 0;
    }
    return (block[at++] ?? 0) / 2 ** 32;
  };
}
