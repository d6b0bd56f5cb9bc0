// SIGTERM with work in flight: a clean end in time, settled events are committed, and the next
// start continues from there.

import { expect, test } from 'vitest';
import { expectExactlyOnce, expectNotEmbeddedAgain } from '../helpers/exactly-once.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { needsProcessList, processesOf } from '../helpers/process-list.ts';
import { oneRunner, startProgram } from '../helpers/program.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { toldUntilStopped, type WayToStop } from './stopping-by-npm.ts';

test(
  'SIGTERM ends a busy gateway with code 0 within 10 s, leaves no process, and loses nothing',
  { timeout: 240_000 },
  async ({ skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    const subjects = 300;
    const stopped = await startGateway(folder.path);
    await stopped.ready();
    const sending = sendEvents(stopped, shopEvents(subjects, subjects));
    await until(
      '100 texts are stored',
      60_000,
      async () => (await stopped.stats()).store.texts >= 100,
    );
    const askedAt = performance.now();
    stopped.child.kill('SIGTERM');
    expect(await stopped.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - askedAt).toBeLessThan(10_000);
    expect(processesOf(folder.path)).toEqual([]);
    const sent = await sending;
    const atStop = readStore(folder.path);
    expect(atStop.eventIds.length, 'stopped in mid-stream').toBeLessThan(subjects);
    expect(atStop.committed).toBeGreaterThan(0);
    expect(atStop.committed).toBeLessThanOrEqual(atStop.eventIds.length);

    await using gateway = await startGateway(folder.path);
    const { events, texts } = await gateway.idle();
    const after = readStore(folder.path);
    expectExactlyOnce(sent, after);
    expectNotEmbeddedAgain(atStop, after);
    expect(texts.embedded).toBe(after.texts.size - atStop.texts.size);
    expect(events.received).toBe(after.log.length - atStop.committed);
  },
);

test.for([
  ['gateway', 'gateway/main.ts', ['--port', '0']],
  ['runner', 'node-runner/main.ts', []],
] as const)(
  'a %s whose parent ends during its start ends too, and leaves no process',
  { timeout: 240_000 },
  async ([, script, flags], { skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    const environment = { ...oneRunner, VECTORSTREAM_DATA_DIR: folder.path };
    await using program = startProgram({ script, flags, environment, channel: true });
    // A child notices the end of its parent only by this.
    program.child.disconnect();
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(processesOf(folder.path)).toEqual([]);
  },
);

test.for<WayToStop>([
  ['SIGTERM', 'npm alone', 'SIGTERM'],
  ['SIGINT', 'the process group', 'SIGINT'],
])(
  '%s to %s ends a program of npm start in order, and leaves no process',
  { timeout: 240_000 },
  async (way, { skip }) => {
    needsProcessList(skip);
    expect(await toldUntilStopped(way)).toEqual([way[2], 'the child has ended']);
  },
);
