// How the demo supervises its gateway and counts: its totals are exact even when the gateway dies
// between storing events and acknowledging them.

import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { at } from '#core/errors/assert.ts';
import { systemClock } from '#core/time/clock.ts';
import { drainBacklog, runJob } from '../../cli/demo/demo-job.ts';
import { shortfall, summaryJson, summaryTable } from '../../cli/demo/demo-summary.ts';
import { connectGateway } from '../../cli/gateway/gateway-connection.ts';
import { createGatewayLogReader } from '../../cli/gateway/gateway-log-reader.ts';
import { startGateway } from '../../cli/gateway/gateway-process.ts';
import { openEventStream } from '../../cli/generator/event-stream.ts';
import { silentProgress } from '../../cli/progress-bar.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vectorstream-demo-'));
  folders.push(folder);
  return folder;
}

async function listening(): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server's address
  const { port } = server.address() as AddressInfo;
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function freePort(): Promise<number> {
  const { port, close } = await listening();
  await close();
  return port;
}

const entry = (level: number, msg: string, more = ''): string =>
  `{"level":${level},"msg":"${msg}"${more}}`;
const root = join(import.meta.dirname, '..', '..');
const fake = join(root, 'test/cli/helpers/fake-gateway.ts');
const never = new AbortController().signal;

async function run(dieAt: number, invalidPercent: number) {
  const dataDir = newFolder();
  const port = await freePort();
  const said: string[] = [];
  await using gateway = await startGateway({
    command: [process.execPath, fake, String(port), join(dataDir, 'log'), String(dieAt)],
    folder: root,
    env: process.env,
    host: '127.0.0.1',
    port,
    dataDir,
    logName: 'gateway.log',
    portSetting: '--port N',
    clock: systemClock,
    say: (line) => said.push(line),
  });
  const { client } = connectGateway({
    url: `http://127.0.0.1:${port}`,
    apiKey: null,
    retryForMs: 20_000,
    onWait: () => undefined,
  });
  await client.stats();
  gateway.setReady();
  const stream = openEventStream({
    seed: 1,
    count: 3000,
    stream: { kind: 'zipf', exponent: 1.1 },
    catalogueSize: 100,
    invalidPercent,
    startAt: Date.now(),
    stepMs: 1,
  });
  const result = await runJob({
    client,
    events: stream.events(),
    rate: null,
    clock: systemClock,
    progress: silentProgress,
    signal: gateway.gone,
    restarts: () => gateway.restarts,
    onPoll: () => gateway.reportWarnings(),
  });
  return { result, said, planned: stream.invalidCount };
}

describe('the demo’s job', () => {
  test('accounts for every event, and counts those that are dead-lettered by reason', async () => {
    const { result, planned } = await run(0, 5);
    expect([result.events, result.stored, result.deadLettered]).toEqual([
      3000,
      3000 - planned,
      planned,
    ]);
    expect(Object.values(result.deadLetteredByReason).reduce((sum, count) => sum + count, 0)).toBe(
      planned,
    );
    expect(shortfall(result)).toBeNull();
    expect(JSON.parse(summaryJson(result))).toMatchObject({
      events: 3000,
      stored: 2850,
      deadLettered: 150,
      latencyMs: { p50: 1, p95: 2, p99: 3, max: 4 },
      runners: [{ kind: 'node', device: 'cpu', dtype: 'q8', textsPerSecond: 100 }],
    });
    expect(summaryTable(result)).toContain('2,850');
  });

  test('counts and reports exactly when the gateway dies before an acknowledgement', async () => {
    const { result, said, planned } = await run(3, 5);
    expect([result.events, result.stored, result.deadLettered]).toEqual([
      3000,
      3000 - planned,
      planned,
    ]);
    expect(result.restarts).toBe(1);
    expect(said.join('\n')).toMatch(/SIGKILL.*safe.*restarting it/);
  });

  test('reports missing events', async () => {
    const { result } = await run(0, 0);
    expect(shortfall({ ...result, stored: result.stored - 2 })).toMatch(
      /^2 of 3,000 events are neither stored nor dead-lettered/,
    );
  });

  test('waits for the events of an earlier run, even while their number is unknown', async () => {
    const lags = [null, 500, 200, 0];
    const updates: number[] = [];
    const { result } = await run(0, 0);
    await drainBacklog({
      client: {
        stats: () =>
          Promise.resolve({
            ...result.stats,
            events: { ...result.stats.events, lag: at(lags.splice(0, 1), 0) },
          }),
      },
      clock: { ...systemClock, sleep: () => Promise.resolve() },
      signal: never,
      onBacklog: (waiting) => ({
        ...silentProgress,
        update: (done) => {
          updates.push(waiting, done);
        },
      }),
    });
    expect(updates).toEqual([500, 0, 500, 300, 500, 500]);
  });
});

describe('the demo’s gateway', () => {
  const options = {
    folder: process.cwd(),
    env: process.env,
    host: '127.0.0.1',
    logName: 'gateway.log',
    portSetting: '--port N',
    clock: systemClock,
    say: () => {},
  };

  test('does not start on a port that is taken', async () => {
    const { port, close } = await listening();
    await expect(
      startGateway({ ...options, port, dataDir: newFolder(), command: [process.execPath, fake] }),
    ).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is in use, perhaps by another gateway: stop that one, or ` +
        'choose another port with --port N.',
    );
    await close();
  });

  test('is reported with its last message and not restarted if it ends too early', async () => {
    await using gateway = await startGateway({
      ...options,
      port: await freePort(),
      dataDir: newFolder(),
      command: [
        process.execPath,
        '-e',
        'console.error("The data folder x is in use."); process.exit(1)',
      ],
    });
    await new Promise<void>((resolve) =>
      gateway.gone.addEventListener('abort', () => resolve(), { once: true }),
    );
    expect(gateway.gone.reason).toEqual(new Error('The data folder x is in use.'));
    expect(gateway.restarts).toBe(0);
  });

  test('has a log from which new warnings are read once each, and the last message', async () => {
    const path = join(newFolder(), 'log');
    writeFileSync(path, `${entry(50, 'of an earlier run')}\n`);
    const reader = createGatewayLogReader(path);
    expect([reader.warnings(), reader.lastMessage()]).toEqual([[], null]);
    const lines = [
      entry(30, 'fine'),
      entry(40, 'slow'),
      entry(40, 'slow'),
      entry(50, 'bad', ',"err":{"message":"why"}'),
    ];
    appendFileSync(path, `${lines.join('\n')}\n{"level":4`);
    expect(reader.warnings()).toEqual(['slow', 'bad: why']);
    appendFileSync(path, `0,"msg":"late"}\nError: bye\n    at somewhere\n\nNode.js v24.0.0\n`);
    expect(reader.warnings()).toEqual(['late']);
    expect(reader.lastMessage()).toBe('Error: bye');
  });

  test('wrong flags end the demo with one line before anything starts', () => {
    const demo = join(root, 'cli/demo/demo.ts');
    for (const args of [
      ['--count', '0'],
      ['--stream', 'x'],
      ['--port', '99999'],
      ['--acks', '1'],
    ]) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [demo, ...args], {
        encoding: 'utf8',
      });
      expect([status, stdout, stderr.trim().split('\n').length]).toEqual([2, '', 1]);
      expect(stderr).toContain(args[0]);
    }
  });
});
