// `generate` keeps to its rate, retries while the gateway is full, and explains errors in one line.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { Clock } from '#core/ports.ts';
import type { GeneratedEvent } from '../../cli/generator/event-stream.ts';
import { sendEvents, type LineBatch } from '../../cli/generator/send-events.ts';
import { createProgress } from '../../cli/progress-bar.ts';
import { allAccepted, scriptedGateway } from './helpers/scripted-http-gateway.ts';

/** A clock whose time passes only while something waits. */
function idleClock(): Clock & { readonly waits: number[] } {
  let elapsed = 0;
  const waits: number[] = [];
  return {
    waits,
    now: () => elapsed,
    monotonic: () => elapsed,
    sleep: (ms) => {
      waits.push(ms);
      elapsed += ms;
      return Promise.resolve();
    },
  };
}

const encoder = new TextEncoder();
const events = (count: number): GeneratedEvent[] =>
  Array.from({ length: count }, (_, index) => ({
    line: encoder.encode(`{"n":${index}}`),
    key: 'u',
    subject: 's',
    isInvalid: false,
  }));

describe('sending', () => {
  const signal = new AbortController().signal;
  const accepting = {
    send: ({ lines }: LineBatch) =>
      Promise.resolve({ accepted: lines.length, rejected: 0, deadLettered: 0 }),
  };

  test('keeps to the rate, by the monotonic clock', async () => {
    const result = await sendEvents({
      events: events(1000),
      target: accepting,
      rate: 100,
      clock: idleClock(),
      stop: signal,
      abandon: signal,
      onProgress: () => {},
    });
    expect(result).toEqual({
      accepted: 1000,
      rejected: 0,
      deadLettered: 0,
      sent: 1000,
      seconds: 10,
    });
  });

  test('stops between two batches, and reports what was acknowledged', async () => {
    const stop = new AbortController();
    const result = await sendEvents({
      events: events(5000),
      target: accepting,
      rate: null,
      clock: idleClock(),
      stop: stop.signal,
      abandon: signal,
      onProgress: () => stop.abort(),
    });
    expect(result.sent).toBe(result.accepted);
    expect(result.sent).toBeGreaterThan(0);
    expect(result.sent).toBeLessThan(5000);
  });

  test('ends with the first failure, and begins no other batch', async () => {
    let batches = 0;
    const failing = { send: () => Promise.reject(new Error(`batch ${++batches} failed`)) };
    await expect(
      sendEvents({
        events: events(50_000),
        target: failing,
        rate: null,
        clock: idleClock(),
        stop: signal,
        abandon: signal,
        onProgress: () => {},
      }),
    ).rejects.toThrow('batch 1 failed');
    expect(batches).toBeLessThanOrEqual(3);
  });
});

describe('the generate command', () => {
  const script = join(import.meta.dirname, '..', '..', 'cli/generator/generate.ts');
  async function generate(...args: string[]) {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr] = await Promise.all([
      readAll(child.stdout),
      readAll(child.stderr),
      once(child, 'close'),
    ]);
    return { status: child.exitCode, stdout, stderr };
  }

  test('sends every event to a gateway that is full at first, and prints a summary', async () => {
    await using gateway = await scriptedGateway(({ body }, number) =>
      number === 1 ? { status: 429, headers: { 'retry-after': '0' }, body: {} } : allAccepted(body),
    );
    const { status, stdout } = await generate(
      '--count',
      '1200',
      '--burst',
      '--target',
      gateway.url,
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/sent +1,200\naccepted +1,200\n/);
    const sent = gateway.requests.slice(1).flatMap(({ body }) => body.trim().split('\n'));
    expect(new Set(sent.map((line) => String(JSON.parse(line).event_id))).size).toBe(1200);
  });

  test('writes the same file for the same seed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vectorstream-generate-'));
    const [first, second] = [join(folder, 'a.ndjson'), join(folder, 'b.ndjson')];
    await generate('--count', '500', '--seed', '7', '--invalid-percent', '10', '--out', first);
    await generate('--count', '500', '--seed', '7', '--invalid-percent', '10', '--out', second);
    const bytes = readFileSync(first);
    expect(bytes.equals(readFileSync(second))).toBe(true);
    expect(bytes.filter((byte) => byte === 10).length).toBe(500);
    rmSync(folder, { recursive: true });
  });

  test.each([
    [['--burst', '--rate', '5'], /^--burst and --rate exclude each other/],
    [['--duration', '5'], /^--duration needs --rate/],
    [['--rate', '5', '--duration', '5', '--count', '5'], /^--count and --duration exclude/],
    [['--target', 'nowhere'], /^--target is "nowhere"/],
    [['--now', 'noon'], /^--now is "noon"/],
    [['--compressor', 'gzip'], /^--compressor is not a flag/],
    [
      ['--target', 'http://127.0.0.1:1', '--compression', 'gzip'],
      /^--compression is for events that go to Kafka/,
    ],
    [
      ['--target', 'http://127.0.0.1:1', '--acks', '2'],
      /^--acks is "2"; allowed are all, 1, 0\.$/m,
    ],
    [
      ['--target', 'kafka://127.0.0.1/events'],
      /^--target is "127\.0\.0\.1"; allowed: brokers as host:port/,
    ],
    [['--target', 'kafka://127.0.0.1:1/a b'], /^The topic is "a b"; allowed are/],
    [['--target', 'kafka:127.0.0.1:1'], /^--target is "kafka:127\.0\.0\.1:1"; allowed is kafka:/],
    [['--out', '/nowhere/at/all'], /^--out \/nowhere\/at\/all cannot be written/],
  ])('%j ends in one line and exit code 2', async (args, message) => {
    const { status, stdout, stderr } = await generate(...args);
    expect([status, stdout, stderr.trim().split('\n').length]).toEqual([2, '', 1]);
    expect(stderr).toMatch(message);
  });

  test('ends quietly when the reader of its output closes it', async () => {
    const child = spawn(process.execPath, [script, '--count', '200000', '--out', '-'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [stderr] = await Promise.all([readAll(child.stderr), once(child, 'close')]);
    expect(child.exitCode).toBe(130);
    expect(stderr).toMatch(/^[\d,]+ events written/);
  });
});

describe('progress', () => {
  test('redraws one line on a terminal, and prints a line every few seconds elsewhere', () => {
    for (const isTTY of [true, false]) {
      let now = 0;
      let out = '';
      const clock: Clock = { now: () => now, monotonic: () => now, sleep: () => Promise.resolve() };
      const progress = createProgress({
        label: 'stored',
        total: 1000,
        out: {
          isTTY,
          columns: 0,
          write: (text) => {
            out += text;
          },
        },
        clock,
      });
      for (let step = 1; step <= 50; step += 1) {
        now += 200;
        progress.update(step * 20);
      }
      progress.finish();
      expect(out.split('\n').length - 1).toBe(isTTY ? 1 : 5);
      expect(out).toContain('1,000/1,000');
      expect(out).toContain('100/s');
    }
  });
});
