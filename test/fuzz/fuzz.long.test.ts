// A longer search of every target. The seed changes every day, so the search continues as long as
// the project does.

import { expect, test } from 'vitest';
import { keepInput, readCorpus } from './corpus.ts';
import { fuzz } from './fuzzer.ts';
import { targets } from './targets/all.ts';

const secondsEach = 5;
const seed = Math.floor(Date.now() / 86_400_000);

test.each(targets)('$name, for some seconds', async (target) => {
  const end = performance.now() + secondsEach * 1000;
  const { failure } = await fuzz(target, {
    corpus: readCorpus(target.name).map(({ input }) => input),
    seed,
    executionsMax: Infinity,
    isOver: () => performance.now() > end,
    onBatch: () => undefined,
  });
  const told =
    failure === null
      ? null
      : `seed ${seed}, kept as ${keepInput(target.name, 'failing', failure.input)}:` +
        ` ${String(failure.error)}`;
  expect(told).toBeNull();
});
