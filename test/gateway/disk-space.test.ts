// A disk that fills up: an early warning, a clean stop of intake before a write fails, and a
// recovery without an operator. All places that show it agree.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { gatedSink, gatedSource } from '../../gateway/storage/disk-gate.ts';
import { watchDiskSpace } from '../../gateway/telemetry/disk-space.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { noSmallDisk, startSmallDisk } from '../helpers/small-disk.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { event, problemOf, testApp } from './test-services.ts';

const limits = { diskFreeBytesLow: 1_000 * 2 ** 20, diskFreeBytesMin: 100 * 2 ** 20 };

/** A disk with the free space that the test sets, in MiB; `null`: unknown. */
async function scriptedDisk({ holdsEvents = true } = {}) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    secrets: new Set(),
    destination: { write: (line) => lines.push(line) },
  });
  let free: number | null = 5_000;
  const disk = await watchDiskSpace({
    folder: '/data',
    limits,
    holdsEvents,
    clock,
    log,
    readFreeBytes: async () => {
      if (free === null) throw new Error('ENOENT');
      return free * 2 ** 20;
    },
  });
  return {
    clock,
    lines,
    disk,
    async set(mebibytes: number | null) {
      free = mebibytes;
      await clock.advance(1_000);
      return disk.state().level;
    },
    [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
  };
}

test('each level begins at its bound, ends a tenth above it, and is logged once', async () => {
  await using scripted = await scriptedDisk();
  const levels: string[] = [];
  for (const free of [1_000, 999, 1_050, 999, 1_101, 99, 105, 99, 111, 2_000])
    levels.push(await scripted.set(free));
  expect(levels).toEqual([
    'enough',
    'low',
    'low',
    'low',
    'enough',
    'out',
    'out',
    'out',
    'low',
    'enough',
  ]);
  expect(scripted.lines.map((line) => JSON.parse(line).msg)).toEqual([
    expect.stringMatching(/^999 MiB are free .*\/data.*diskFreeBytesLow/),
    expect.stringMatching(/has room again/),
    expect.stringMatching(/^99 MiB are free .*diskFreeBytesMin.*no events are taken/),
    expect.stringMatching(/^111 MiB are free .*diskFreeBytesLow/),
    expect.stringMatching(/has room again/),
  ]);
});

test('a disk of unknown space keeps its level; one without events stops no intake', async () => {
  await using scripted = await scriptedDisk();
  expect(await scripted.set(null)).toBe('enough');
  expect(await scripted.set(50)).toBe('out');
  expect(await scripted.set(null)).toBe('out');
  await using other = await scriptedDisk({ holdsEvents: false });
  expect(await other.set(1)).toBe('low');
});

test('the source pauses without space, and continues with the same deliveries', async () => {
  await using scripted = await scriptedDisk();
  const events = createMemoryLog();
  const record = { key: null, value: new Uint8Array([1]), headers: {}, timestamp: 0 };
  await events.sink.append([record, record]);
  const stopping = new AbortController();
  const source = gatedSource(events.source('test'), scripted.disk, scripted.clock);
  await scripted.set(50);
  const taken: number[] = [];
  const reading = (async () => {
    for await (const batch of source.deliveries(stopping.signal))
      taken.push(...batch.map(({ position }) => position.offset));
  })();
  await scripted.clock.advance(10_000);
  expect(taken).toEqual([]);
  await scripted.set(5_000);
  await scripted.clock.advance(1_000);
  expect(taken).toHaveLength(2);
  stopping.abort();
  await reading;
});

const appOn = async (mebibytes: number) => {
  const scripted = await scriptedDisk();
  await scripted.set(mebibytes);
  const sink = gatedSink(createMemoryLog().sink, scripted.disk);
  return { scripted, ...testApp({ disk: scripted.disk, sink }) };
};

describe('health, readiness, system, metrics and intake agree', () => {
  test('when space is low: degraded and strained, and intake continues', async () => {
    const { scripted, request, post } = await appOn(500);
    const cause = { component: 'disk', message: expect.stringMatching(/^500 MiB are free/) };
    expect(await (await request('/health')).json()).toMatchObject({
      status: 'degraded',
      causes: [cause],
    });
    expect((await request('/readyz')).status).toBe(200);
    expect(await (await request('/system')).json()).toMatchObject({
      status: 'strained',
      causes: [cause.message],
    });
    const metrics = await (await request('/metrics')).text();
    expect(metrics).toContain(`vectorstream_disk_free_bytes ${500 * 2 ** 20}\n`);
    expect(metrics).toContain('vectorstream_disk_level 1\n');
    expect((await post('/events', event())).status).toBe(202);
    await scripted[Symbol.asyncDispose]();
  });

  test('without space: not ready, a refusal that says what to do; then it recovers', async () => {
    const { scripted, request, post } = await appOn(50);
    const refused = await post('/events', event());
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(await problemOf(refused)).toMatchObject({
      status: 503,
      code: 'disk_space_low',
      detail: expect.stringMatching(/^50 MiB are free .*Free some space; intake then resumes/),
    });
    expect(await problemOf(await request('/readyz'))).toMatchObject({
      status: 503,
      causes: [{ component: 'disk' }],
    });
    expect(await (await request('/health')).json()).toMatchObject({ status: 'degraded' });
    expect(await problemOf(await request('/health/system'))).toMatchObject({ status: 503 });
    expect(await (await request('/metrics')).text()).toContain('vectorstream_disk_level 2\n');
    await scripted.set(5_000);
    expect((await post('/events', event())).status).toBe(202);
    expect((await request('/readyz')).status).toBe(200);
    expect(await (await request('/system')).json()).toMatchObject({ causes: [] });
    await scripted[Symbol.asyncDispose]();
  });
});

describe('a real gateway', async () => {
  const reason = await noSmallDisk();

  test.skipIf(reason !== null)(
    'on a disk that fills up stops accepting events, and resumes when there is space',
    { timeout: 90_000 },
    async () => {
      await using folder = await temporaryFolder();
      await mkdir(join(folder.path, 'disk'));
      await using disk = await startSmallDisk(join(folder.path, 'disk'));
      const mebibyte = 2 ** 20;
      await using gateway = await startGateway(
        join(disk.path, 'data'),
        {
          VECTORSTREAM_RUNNERS: '0',
          VECTORSTREAM_INGEST_DISK_FREE_BYTES_LOW: String(8 * mebibyte),
          VECTORSTREAM_INGEST_DISK_FREE_BYTES_MIN: String(4 * mebibyte),
        },
        [],
        disk.through,
      );
      const post = () => gateway.post('/events', JSON.stringify(event()));
      expect(await post()).toMatchObject({ status: 202 });
      await disk.fill();
      await until('events are refused for lack of space', 60_000, async () =>
        JSON.stringify(await post()).includes('disk_space_low'),
      );
      expect(gateway.child.exitCode).toBeNull();
      await disk.free();
      await until('events are accepted again', 60_000, async () => (await post()).status === 202);
      const told = gateway.stdout().match(/no events are taken until there is room/g);
      expect(told).toHaveLength(1);
    },
  );
});
