// A bug that random inputs would hardly find: three words in sequence at the beginning.

import type { Target } from '../fuzzer.ts';

export const planted: Target = {
  name: 'planted',
  covers: /\/test\/fuzz\/targets\/planted\.ts/,
  words: ['red', 'kettle', 'boils'],
  run(input) {
    const text = input.toString();
    if (!text.startsWith('red')) return;
    if (!text.startsWith('kettle', 3)) return;
    if (text.startsWith('boils', 9)) throw new Error('found');
  },
};
