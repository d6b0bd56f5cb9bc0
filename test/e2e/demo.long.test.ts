// The demo under faults: its gateway is killed, the demo is killed, Ctrl-C comes at any moment.
// Totals stay exact and no accepted event is lost.

import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startDemo, summaryOf } from '../helpers/demo-program.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { needsProcessList, pidsOf, processesOf } from '../helpers/process-list.ts';
import { readStore, type StoreContents } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const withId = z.object({ event_id: z.string() });

/** Empty for a record that is not an event. */
function idOf(record: string): string {
  try {
    return withId.parse(JSON.parse(record)).event_id;
  } catch {
    return '';
  }
}

/** Every record of the log was accepted, so each is stored under its own id. */
function expectLogStored({ log, eventIds }: StoreContents): void {
  const accepted = log.map(idOf);
  expect(new Set(eventIds)).toEqual(new Set(accepted));
  expect(eventIds).toHaveLength(new Set(accepted).size);
}

describe('the demo', () => {
  test('finishes with exact totals when its gateway is killed twice in mid-stream', async ({
    skip,
  }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    await using demo = await startDemo(
      folder.path,
      '--exit',
      '--json',
      '--count',
      '1200',
      '--invalid-percent',
      '5',
    );
    for (const stored of [200, 600]) {
      await until(
        `${stored} events are stored`,
        180_000,
        async () => (await demo.gateway.stats()).store.events >= stored,
      );
      const [pid = 0] = pidsOf(folder.path, 'gateway');
      expect(pid).toBeGreaterThan(0);
      process.kill(pid, 'SIGKILL');
    }
    expect(await demo.ended, demo.stderr()).toEqual({ code: 0, signal: null });
    expect(summaryOf(demo.stdout())).toMatchObject({
      events: 1_200,
      stored: 1_140,
      deadLettered: 60,
    });
    expect(demo.stderr().match(/restarting it/g)).toHaveLength(2);
    const { eventIds, log, committed, deadLetters } = readStore(folder.path);
    expect(new Set(eventIds).size).toBe(1_140);
    expect(eventIds).toHaveLength(1_140);
    expect(committed).toBe(log.length);
    // Includes records that were posted again after a kill: each is stored or dead-lettered.
    const stored = new Set(eventIds);
    expect(deadLetters).toHaveLength(log.filter((record) => !stored.has(idOf(record))).length);
    expect(processesOf(folder.path)).toEqual([]);
  });

  test('leaves no process when killed; the next gateway stores every accepted event', async ({
    skip,
  }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    await using demo = await startDemo(folder.path, '--count', '1200', '--stream', 'unique');
    await until(
      'texts are being stored',
      180_000,
      async () => (await demo.gateway.stats()).store.texts >= 200,
    );
    process.kill(demo.pid, 'SIGKILL');
    await until(
      'none of its processes is left',
      180_000,
      () => processesOf(folder.path).length === 0,
    );
    const killed = readStore(folder.path);
    expect(killed.eventIds.length, 'killed in mid-stream').toBeLessThan(killed.log.length);

    await using gateway = await startGateway(folder.path);
    await gateway.idle();
    expectLogStored(readStore(folder.path));
  });

  test('after a Ctrl-C stores the events that were left, and counts only its own', async ({
    skip,
  }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    await using first = await startDemo(folder.path, '--count', '1200', '--stream', 'unique');
    await until(
      'texts are being stored',
      180_000,
      async () => (await first.gateway.stats()).store.texts >= 200,
    );
    process.kill(-first.pid, 'SIGINT');
    expect(await first.ended).toEqual({ code: 130, signal: null });
    const left = readStore(folder.path);
    expect(left.eventIds.length, 'stopped in mid-stream').toBeLessThan(left.log.length);

    await using second = await startDemo(
      folder.path,
      '--exit',
      '--json',
      '--count',
      '500',
      '--seed',
      '2',
    );
    expect(await second.ended, second.stderr()).toEqual({ code: 0, signal: null });
    expect(summaryOf(second.stdout())).toMatchObject({
      events: 500,
      stored: 500,
      deadLettered: 0,
    });
    const after = readStore(folder.path);
    expect(after.log).toHaveLength(left.log.length + 500);
    expectLogStored(after);
  });

  test('ends within 5 s of Ctrl-C at any moment, and leaves no process', async ({ skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    for (let round = 0; round < 4; round++) {
      const afterMs = Math.floor(Math.random() * 5_000);
      await using demo = await startDemo(folder.path, '--count', '1200', '--stream', 'unique');
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      const askedAt = performance.now();
      process.kill(-demo.pid, 'SIGINT');
      await demo.ended;
      expect(performance.now() - askedAt, `Ctrl-C after ${afterMs} ms`).toBeLessThan(5_000);
      await until(
        `no process is left of a Ctrl-C after ${afterMs} ms`,
        180_000,
        () => processesOf(folder.path).length === 0,
      );
    }
  });
});

test('Ctrl-C in mid-stream ends it within 5 s, and leaves no process', async ({ skip }) => {
  needsProcessList(skip);
  await using folder = await temporaryFolder();
  await using demo = await startDemo(folder.path, '--count', '20000', '--stream', 'unique');
  await until(
    'texts are being stored',
    180_000,
    async () => (await demo.gateway.stats()).store.texts >= 50,
  );
  const askedAt = performance.now();
  process.kill(-demo.pid, 'SIGINT');
  expect(await demo.ended).toEqual({ code: 130, signal: null });
  expect(performance.now() - askedAt).toBeLessThan(5_000);
  expect(processesOf(folder.path)).toEqual([]);
  expect(demo.stdout() + demo.stderr()).toContain('accepted events are safe');
  const stopped = readStore(folder.path);
  expect(stopped.deadLetters).toEqual([]);
  expect(stopped.eventIds.length, 'stopped in mid-stream').toBeLessThan(20_000);
});
