// A semaphore never runs more work than allowed, and starts waiting work in the order of arrival.

import { expect, test } from 'vitest';
import { Semaphore } from '#core/collections/semaphore.ts';

const never = new AbortController().signal;

test('work beyond the limit waits, and starts in order', async () => {
  const semaphore = new Semaphore(2);
  const started: string[] = [];
  const held = ['a', 'b', 'c', 'd'].map((name) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const run = semaphore.run(async () => {
      started.push(name);
      await promise;
    }, never);
    return { run, resolve };
  });
  await Promise.resolve();
  expect(started).toEqual(['a', 'b']);
  held[1]?.resolve();
  await held[1]?.run;
  await Promise.resolve();
  expect(started).toEqual(['a', 'b', 'c']);
  for (const { resolve } of held) resolve();
  await Promise.all(held.map(({ run }) => run));
  expect(started).toEqual(['a', 'b', 'c', 'd']);
});

test('failed work makes room, and work that is aborted while it waits never starts', async () => {
  const semaphore = new Semaphore(1);
  const gone = new AbortController();
  const failing = semaphore.run(() => Promise.reject(new Error('failed')), never);
  const aborted = semaphore.run(() => Promise.resolve('never'), gone.signal);
  const last = semaphore.run(() => Promise.resolve('last'), never);
  gone.abort(new Error('gone'));
  await expect(failing).rejects.toThrow('failed');
  await expect(aborted).rejects.toThrow('gone');
  expect(await last).toBe('last');
  await expect(semaphore.run(() => Promise.resolve(), gone.signal)).rejects.toThrow('gone');
});
