// A SIGKILL at any point loses nothing that was acknowledged, neither in the log nor in the store.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eventIdOf } from '../conformance/store-records.ts';
import type { Acknowledged } from './embedded-crasher.ts';
import { openFolder, temporaryFolder } from './embedded-harness.ts';

/** Runs the writer until it has sent this many messages, then kills it at once. */
async function crashAfter(
  messages: number,
  path: string,
  first: number,
  onMessage: (what: Acknowledged) => void,
): Promise<void> {
  const child = fork(
    fileURLToPath(new URL('./embedded-crasher.ts', import.meta.url)),
    [path, String(first)],
    { execArgv: [] },
  );
  const exited = once(child, 'exit');
  let count = 0;
  child.on('message', (what: Acknowledged) => {
    onMessage(what);
    count += 1;
    if (count === messages) child.kill('SIGKILL');
  });
  const [code, signal] = await exited;
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' });
}

it('a gateway killed at any point loses nothing acknowledged, and continues', async () => {
  await using folder = await temporaryFolder();
  const appended = new Set<number>();
  const stored = new Set<number>();
  const onMessage = (what: Acknowledged) => {
    if ('appended' in what) for (const n of what.appended) appended.add(n);
    if ('stored' in what) for (const n of what.stored) stored.add(n);
  };
  for (const [round, messages] of [1, 7, 40, 90].entries())
    await crashAfter(messages, folder.path, round * 1_000_000, onMessage);

  await using embedded = await openFolder(folder.path, { partitions: 2 });
  const missing: number[] = [];
  for (const n of stored) if ((await embedded.store.event(eventIdOf(n))) === null) missing.push(n);
  expect(missing).toEqual([]);

  // An event that is in the log but not in the store was not committed: it is delivered again.
  const source = await embedded.source('group');
  const abort = new AbortController();
  const redelivered = new Set<number>();
  let lag = (await source.lag()).reduce((sum, each) => sum + each.lag, 0);
  if (lag === 0) abort.abort();
  for await (const batch of source.deliveries(abort.signal)) {
    for (const { value } of batch) redelivered.add(Number(new TextDecoder().decode(value)));
    lag -= batch.length;
    if (lag === 0) abort.abort();
  }
  const lost: number[] = [];
  for (const n of appended)
    if (!redelivered.has(n) && (await embedded.store.event(eventIdOf(n))) === null) lost.push(n);
  expect(lost).toEqual([]);
  expect([appended.size > 100, stored.size > 100]).toEqual([true, true]);
  await source[Symbol.asyncDispose]();
});
