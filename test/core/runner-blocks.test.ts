// Which runners may not join: known at every gateway of a store, after restarts, and for as long as
// each must wait.

import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryRunnerBlocks } from '#core/memory/memory-runner-blocks.ts';
import type { RunnerBlockStore } from '#core/ports.ts';
import { RunnerBlocks } from '#core/trust/runner-blocks.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const subject = { by: 'token', id: 'a' } as const;
const address = { by: 'address', id: 'hash' } as const;

let clock: ManualClock;
let store: RunnerBlockStore;
let isDown: boolean;
let stop: AbortController;

beforeEach(() => {
  clock = new ManualClock();
  stop = new AbortController();
  isDown = false;
  const memory = createMemoryRunnerBlocks();
  const unlessDown = async <T>(call: () => Promise<T>): Promise<T> => {
    if (isDown) throw new DependencyError('store', 'down', 'down', { retryable: true });
    return call();
  };
  store = {
    put: (blocks) => unlessDown(() => memory.put(blocks)),
    since: (at) => unlessDown(() => memory.since(at)),
    remove: (blocks) => unlessDown(() => memory.remove(blocks)),
  };
});
afterEach(() => stop.abort());

function gateway(): RunnerBlocks {
  const blocks = new RunnerBlocks({
    store,
    clock,
    backoff: { delayMs: 100, delayMsMax: 1_000 },
    onFailure: () => undefined,
  });
  void blocks.run(stop.signal);
  return blocks;
}

/** Every gateway has written, and read what the others wrote. */
async function shared(): Promise<void> {
  for (let step = 0; step < 3; step++) {
    await setImmediate();
    await clock.advance(5_000);
  }
}

describe('a quarantine', () => {
  test('doubles from a minute up to a day, and resets after a good day', () => {
    const blocks = gateway();
    const waits: number[] = [];
    for (let time = 0; time < 13; time++) {
      const { until, times } = blocks.quarantine(subject, 'wrong');
      expect(times).toBe(time + 1);
      waits.push((until - clock.now()) / minuteMs);
      clock.jump(until - clock.now() - 1);
      expect(blocks.quarantineOf(subject)).not.toBeNull();
      clock.jump(1);
      expect([blocks.quarantineOf(subject), blocks.wasWrong(subject)]).toEqual([null, true]);
    }
    expect(waits.slice(0, 5)).toEqual([1, 2, 4, 8, 16]);
    expect(Math.max(...waits)).toBe(24 * 60);
    expect(blocks.quarantineOf(address)).toBeNull();
    clock.jump(dayMs + 1);
    expect(blocks.wasWrong(subject)).toBe(false);
    expect(blocks.quarantine(subject, 'wrong').times).toBe(1);
  });

  test('holds at another gateway, and after a restart', async () => {
    const [one, other] = [gateway(), gateway()];
    await shared();
    let changes = 0;
    other.onChange(() => (changes += 1));
    const { until } = one.quarantine(subject, 'wrong');
    await shared();
    expect([other.quarantineOf(subject)?.until, changes]).toEqual([until, 1]);
    const restarted = gateway();
    await restarted.loaded;
    expect(restarted.quarantines()).toMatchObject([{ subject, reason: 'wrong', times: 1 }]);
    expect(restarted.quarantine(subject, 'again').times).toBe(2);
  });

  test('that an operator lifts is over at every gateway, and counts from the start', async () => {
    const [one, other] = [gateway(), gateway()];
    one.quarantine(subject, 'wrong');
    await shared();
    const [found] = other.quarantines();
    if (found === undefined) throw new Error('it is not known there');
    await other.lift(found);
    await shared();
    expect(one.quarantines()).toEqual([]);
    expect([one.quarantineOf(subject), one.wasWrong(subject)]).toEqual([null, false]);
    expect(one.quarantine(subject, 'wrong').times).toBe(1);
  });

  test('of an address is short, because honest runners may share it', () => {
    const { until } = gateway().quarantine(address, 'wrong');
    expect(until - clock.now()).toBe(10_000);
  });

  test('is written once a store that was down is back', async () => {
    const one = gateway();
    await shared();
    isDown = true;
    one.quarantine(subject, 'wrong');
    await shared();
    expect(one.quarantineOf(subject)).not.toBeNull();
    isDown = false;
    await shared();
    expect(await store.since(0)).toMatchObject([{ subject }]);
  });
});

test('nothing is known before the store has answered', async () => {
  isDown = true;
  const blocks = gateway();
  let isLoaded = false;
  void blocks.loaded.then(() => (isLoaded = true));
  await shared();
  expect(isLoaded).toBe(false);
  isDown = false;
  await shared();
  expect(isLoaded).toBe(true);
});

test('they are known once read, although the store takes no changes', async () => {
  store = { ...store, put: () => Promise.reject(new Error('full')) };
  const blocks = gateway();
  blocks.quarantine(subject, 'wrong');
  await expect(blocks.loaded).resolves.toBeUndefined();
});

describe('a revocation', () => {
  test('holds at once, durable when it resolves, and stays whatever the clock does', async () => {
    const [one, other] = [gateway(), gateway()];
    await shared();
    const revoked = one.revoke('a', 'revoked', clock.now() + minuteMs);
    expect(one.isRevoked('a')).toBe(true);
    await revoked;
    expect(await store.since(0)).toMatchObject([{ kind: 'revocation' }]);
    clock.jump(40 * dayMs);
    await shared();
    expect([one.isRevoked('a'), other.isRevoked('a'), other.isRevoked('b')]).toEqual([
      true,
      true,
      false,
    ]);
    clock.jump(-40 * dayMs);
    const restarted = gateway();
    await restarted.loaded;
    expect(restarted.isRevoked('a')).toBe(true);
  });

  test('says so when it is not durable, and holds all the same', async () => {
    const one = gateway();
    await shared();
    isDown = true;
    await expect(one.revoke('a', 'revoked', clock.now())).rejects.toThrow('down');
    expect(one.isRevoked('a')).toBe(true);
    isDown = false;
    await shared();
    expect(await store.since(0)).toHaveLength(1);
  });
});
