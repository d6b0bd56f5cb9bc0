// The reference adapters keep every guarantee that they define, and their own bounds.

import { describe, expect, it } from 'vitest';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import type { MemorySource } from '#core/memory/memory-source.ts';
import type { LogRecord } from '#core/ports.ts';
import { deadLettersConformance } from '../conformance/dead-letters.ts';
import { eventSourceConformance } from '../conformance/event-source.ts';

eventSourceConformance('memory', async (options) => {
  const log = createMemoryLog(options);
  const sources: MemorySource[] = [];
  return {
    append: (records) => log.sink.append(records),
    async open(groupId) {
      const source = log.source(groupId);
      sources.push(source);
      return source;
    },
    async crash() {
      for (const source of sources.splice(0)) source.crash();
    },
    async [Symbol.asyncDispose]() {},
  };
});

deadLettersConformance('memory', async () => {
  const queue = createMemoryDeadLetters();
  return { open: async () => queue, async crash() {}, async [Symbol.asyncDispose]() {} };
});

const record = (value: string): LogRecord => ({
  key: null,
  value: new TextEncoder().encode(value),
  headers: {},
  timestamp: 0,
});

describe('memory log', () => {
  it('refuses a batch that does not fit, and accepts it once there is space', async () => {
    const log = createMemoryLog({ bytesMax: 150 });
    await using source = log.source('group');
    const batches = source.deliveries(new AbortController().signal)[Symbol.asyncIterator]();
    await log.sink.append([record('12345'), record('6789')]);
    await expect(log.sink.append([record('a'), record('b')])).rejects.toThrow(
      'The log holds 137 of 150 bytes, so 130 more do not fit.',
    );
    expect(await source.lag()).toEqual([{ topic: 'events', partition: 0, lag: 2 }]);
    for (const delivery of (await batches.next()).value ?? [])
      delivery.settle({ status: 'stored' });
    await expect.poll(() => source.lag()).toEqual([{ topic: 'events', partition: 0, lag: 0 }]);
    expect(await log.sink.append([record('a'), record('b')])).toMatchObject([
      { offset: 2 },
      { offset: 3 },
    ]);
  });

  it('a crash between the settle and its commit delivers the record again', async () => {
    const log = createMemoryLog();
    await log.sink.append([record('x')]);
    const first = log.source('group');
    const batches = first.deliveries(new AbortController().signal)[Symbol.asyncIterator]();
    const { value: batch } = await batches.next();
    batch?.[0]?.settle({ status: 'stored' });
    first.crash();
    await using second = log.source('group');
    expect(await second.lag()).toEqual([{ topic: 'events', partition: 0, lag: 1 }]);
  });

  it('has one member per group', () => {
    const log = createMemoryLog();
    const first = log.source('group');
    expect(() => log.source('group')).toThrow('has a member already');
    first.crash();
    expect(() => log.source('group')).not.toThrow();
  });

  it('a source has one reader', async () => {
    const source = createMemoryLog().source('group');
    await source.deliveries(AbortSignal.abort())[Symbol.asyncIterator]().next();
    await expect(
      source.deliveries(AbortSignal.abort())[Symbol.asyncIterator]().next(),
    ).rejects.toThrow('requested twice');
  });
});

it('memory dead letters refuse to grow past their bound', async () => {
  await using queue = createMemoryDeadLetters(0);
  const deadLetter = {
    ...record('x'),
    id: 'a',
    origin: { topic: 't', partition: 0, offset: 0 },
    reason: 'not_json',
    message: '',
    field: null,
    eventId: null,
    failedAt: 0,
    attempts: 1,
    runner: null,
  } as const;
  await expect(queue.put([deadLetter])).rejects.toMatchObject({
    code: 'dead_letters_full',
    retryable: true,
  });
});
