// A large batch is passed on completely and in order, with turns of the event loop in between, and
// stops when it is aborted.

import { expect, it } from 'vitest';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import type { Delivery } from '#core/ports.ts';
import { yieldingSource } from '../../gateway/storage/yielding-source.ts';

const recordsMax = 500;

async function sourceOf(count: number) {
  const log = createMemoryLog({ partitions: 1, unsettledMax: 10_000, batchMax: recordsMax });
  await log.sink.append(
    Array.from({ length: count }, (_, index) => ({
      key: null,
      value: Buffer.from(String(index)),
      headers: {},
      timestamp: 0,
    })),
  );
  return yieldingSource(log.source('group'));
}

it('passes on every delivery in order, and lets other work run in between', async () => {
  const source = await sourceOf(recordsMax);
  const stop = new AbortController();
  const seen: string[] = [];
  let turns = 0;
  const count = (): void => {
    turns += 1;
    if (seen.length < recordsMax) setImmediate(count);
  };
  setImmediate(count);
  for await (const portion of source.deliveries(stop.signal)) {
    seen.push(...portion.map(({ value }: Delivery) => Buffer.from(value).toString()));
    if (seen.length === recordsMax) stop.abort();
  }
  expect(seen).toEqual(Array.from({ length: recordsMax }, (_, index) => String(index)));
  expect(turns).toBeGreaterThan(10);
});

it('ends within a delivery when the signal aborts; the rest stays unsettled', async () => {
  const source = await sourceOf(recordsMax);
  const stop = new AbortController();
  let seen = 0;
  for await (const portion of source.deliveries(stop.signal)) {
    seen += portion.length;
    for (const delivery of portion) delivery.settle({ status: 'stored' });
    stop.abort();
  }
  expect(seen).toBeLessThan(recordsMax / 2);
  expect(source.unsettled()).toBe(recordsMax - seen);
});
