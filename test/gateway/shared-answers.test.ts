// One computation serves all equal requests within its time; failures are passed on but not cached;
// the number of computations is bounded.

import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { SharedAnswers } from '../../gateway/api/shared-answers.ts';

const answersOf = (clock: ManualClock) =>
  new SharedAnswers<number>({ clock, ageMsMax: 1_000, keptMax: 2, atOnceMax: 2 });

test('the same question gets the same answer until it is too old', async () => {
  const clock = new ManualClock();
  const answers = answersOf(clock);
  let made = 0;
  const ask = () => answers.get('a', async () => (made += 1));
  expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
  await clock.advance(1_000);
  expect(await ask()).toBe(1);
  await clock.advance(1);
  expect(await ask()).toBe(2);
});

test('the number of cached answers is bounded; the oldest is dropped first', async () => {
  const answers = answersOf(new ManualClock());
  let made = 0;
  const ask = (key: string) => answers.get(key, async () => (made += 1));
  for (const key of ['a', 'b', 'c']) await ask(key);
  expect([await ask('c'), await ask('b'), await ask('a')]).toEqual([3, 2, 4]);
});

test('a failure reaches all who wait for it, and the next request starts again', async () => {
  const answers = answersOf(new ManualClock());
  const failing = () => answers.get('a', () => Promise.reject(new Error('not now')));
  const both = await Promise.allSettled([failing(), failing()]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await answers.get('a', async () => 7)).toBe(7);
});

test('a request is refused while too many computations run, and accepted afterwards', async () => {
  const answers = answersOf(new ManualClock());
  const gate = Promise.withResolvers<number>();
  const [a, b] = [answers.get('a', () => gate.promise), answers.get('b', () => gate.promise)];
  expect(() => answers.get('c', async () => 3)).toThrow(
    expect.objectContaining({
      problem: expect.objectContaining({ status: 503, code: 'analysis_busy' }),
    }),
  );
  gate.resolve(1);
  expect([await a, await b, await answers.get('c', async () => 3)]).toEqual([1, 1, 3]);
});
