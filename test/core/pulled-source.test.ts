// The shared loop of the event sources misses no wake-up, reads one batch ahead and ends in time.

import { describe, expect, it } from 'vitest';
import { createPulledSource } from '#core/pipeline/pulled-source.ts';
import type { Delivery } from '#core/ports.ts';

const running = new AbortController().signal;
const delivery = (offset: number): Delivery => ({
  key: null,
  value: new Uint8Array(),
  headers: {},
  timestamp: 0,
  position: { topic: 'events', partition: 0, offset },
  settle() {},
});

/** A source whose fetches are answered by the test, one after the other. */
function scriptedSource() {
  const fetches: ((offsets: readonly number[]) => void)[] = [];
  const source = createPulledSource({
    fetch: () => new Promise<readonly number[]>((resolve) => fetches.push(resolve)),
    deliver: (offsets) => offsets.map(delivery),
  });
  const batches = source.deliveries(running)[Symbol.asyncIterator]();
  return { source, batches, fetches };
}

describe('a pulled source', () => {
  it('begins the next fetch before it hands over a batch', async () => {
    const { batches, fetches } = scriptedSource();
    const first = batches.next();
    expect(fetches).toHaveLength(1);
    fetches[0]?.([0, 1]);
    expect((await first).value).toMatchObject([
      { position: { offset: 0 } },
      { position: { offset: 1 } },
    ]);
    expect(fetches).toHaveLength(2);
  });

  it('fetches again when it was woken during a fetch that found nothing', async () => {
    const { source, batches, fetches } = scriptedSource();
    const next = batches.next();
    source.wake();
    fetches[0]?.([]);
    await expect.poll(() => fetches.length).toBe(2);
    fetches[1]?.([7]);
    expect((await next).value).toMatchObject([{ position: { offset: 7 } }]);
  });

  it('waits for a wake when there is nothing to deliver', async () => {
    let offsets: number[] = [];
    let asked = 0;
    const source = createPulledSource({
      fetch: () => undefined,
      deliver: () => {
        asked++;
        return offsets.map(delivery);
      },
    });
    const next = source.deliveries(running)[Symbol.asyncIterator]().next();
    await expect.poll(() => asked).toBe(1);
    offsets = [3];
    source.wake();
    expect((await next).value).toHaveLength(1);
    expect(asked).toBe(2);
  });

  it('throws its first failure to a reader that waits', async () => {
    const source = createPulledSource({ fetch: () => undefined, deliver: () => [] });
    const next = source.deliveries(running)[Symbol.asyncIterator]().next();
    source.fail(new Error('first'));
    source.fail(new Error('second'));
    await expect(next).rejects.toThrow('first');
    expect(source.failure()?.message).toBe('first');
  });

  it.each(['closed', 'aborted'])('ends a reader that waits when it is %s', async (how) => {
    const abort = new AbortController();
    const source = createPulledSource({ fetch: () => undefined, deliver: () => [] });
    const next = source.deliveries(abort.signal)[Symbol.asyncIterator]().next();
    if (how === 'closed') source.close();
    else abort.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(source.closed.aborted).toBe(how === 'closed');
  });

  it('delivers nothing of a fetch that ends after the source is closed', async () => {
    const { source, batches, fetches } = scriptedSource();
    const next = batches.next();
    source.close();
    fetches[0]?.([1]);
    expect((await next).done).toBe(true);
  });

  it('is read once', async () => {
    const source = createPulledSource({ fetch: () => undefined, deliver: () => [] });
    await source.deliveries(AbortSignal.abort())[Symbol.asyncIterator]().next();
    await expect(
      source.deliveries(AbortSignal.abort())[Symbol.asyncIterator]().next(),
    ).rejects.toThrow('requested twice');
  });
});
