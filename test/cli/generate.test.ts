// `generate` and what it sends with: paced, patient while the gateway is full, and clear when it
// refuses.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { Clock } from '#core/ports.ts';
import { createGatewayClient, defaultGatewayUrl } from '../../cli/gateway-client.ts';
import type { GeneratedEvent } from '../../cli/generator/event-stream.ts';
import { sendEvents } from '../../cli/generator/send-events.ts';
import { createProgress } from '../../cli/progress-bar.ts';

type Reply = {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
};

/**
 * A server that answers each request by `reply(body, number)`; it counts, and keeps the headers it
 * saw.
 */
async function serve(reply: (body: string, number: number) => Reply) {
  const seen: { path: string; body: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      seen.push({ path: request.url ?? '', body, authorization: request.headers.authorization });
      const { status, headers, body: answer } = reply(body, seen.length);
      response.writeHead(status, headers).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server's address
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const taken = (body: string): Reply => ({
  status: 202,
  body: { accepted: body.trim().split('\n').length, rejected: 0, dead_lettered: 0, items: [] },
});

/** Time passes only by waiting. */
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

function clientOf(url: string, clock: Clock, said: string[] = []) {
  return createGatewayClient({
    url,
    apiKey: 'key-1',
    clock,
    patienceMs: 10_000,
    onWait: (reason) => said.push(reason),
  });
}

const encoder = new TextEncoder();
const lines = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => encoder.encode(`{"n":${index}}`));
const events = (count: number): GeneratedEvent[] =>
  lines(count).map((line) => ({ line, key: 'u', subject: 's', isInvalid: false }));

describe('the gateway client', () => {
  test('waits as a full gateway asks, sends the same lines again, and brings its key', async () => {
    const clock = idleClock();
    const said: string[] = [];
    await using server = await serve((body, number) =>
      number < 3
        ? { status: 429, headers: { 'retry-after': '2' }, body: { detail: 'The log is full.' } }
        : taken(body),
    );
    expect(
      await clientOf(server.url, clock, said).postEvents(lines(3), { onInvalid: 'dead_letter' }),
    ).toMatchObject({ accepted: 3, rejected: 0, deadLettered: 0 });
    expect(clock.waits).toEqual([2000, 2000]);
    expect(said).toEqual(['the gateway answered 429: The log is full; trying again']);
    expect(server.seen.map(({ path, body, authorization }) => [path, body, authorization])).toEqual(
      Array.from({ length: 3 }, () => [
        '/events?on_invalid=dead_letter',
        '{"n":0}\n{"n":1}\n{"n":2}\n',
        'Bearer key-1',
      ]),
    );
  });

  test('gives up in one line when nobody is there', async () => {
    const gone = await serve(taken);
    await gone[Symbol.asyncDispose]();
    const clock = idleClock();
    await expect(clientOf(gone.url, clock).stats()).rejects.toThrow(
      `The gateway at ${gone.url} cannot be reached (ECONNREFUSED); gave up after 10 s. Start it with npm start, or name another with --target.`,
    );
    expect(clock.monotonic()).toBeLessThanOrEqual(10_000);
  });

  test('halves what is too large, and passes on why a request is refused', async () => {
    await using halving = await serve((body) =>
      body.length > 20 ? { status: 413, body: { detail: 'Too large.' } } : taken(body),
    );
    expect(
      await clientOf(halving.url, idleClock()).postEvents(lines(8), { onInvalid: 'reject' }),
    ).toMatchObject({ accepted: 8, rejected: 0, deadLettered: 0 });
    const refused = { status: 'rejected', index: 0, error: { message: 'no' } };
    await using refusing = await serve((body) =>
      body.length > 20
        ? { status: 413, body: {} }
        : {
            status: 202,
            body: { accepted: 1, rejected: 1, items: [refused, { status: 'accepted', index: 1 }] },
          },
    );
    expect(
      (await clientOf(refusing.url, idleClock()).postEvents(lines(8), { onInvalid: 'reject' }))
        .refusals,
    ).toEqual(
      new Map([
        [0, 'no'],
        [2, 'no'],
        [4, 'no'],
        [6, 'no'],
      ]),
    );
    await using locked = await serve(() => ({ status: 401, body: { detail: 'No key.' } }));
    await expect(
      clientOf(locked.url, idleClock()).postEvents(lines(1), { onInvalid: 'reject' }),
    ).rejects.toThrow(/answered 401: No key\. Set VECTORSTREAM_API_KEY/);
  });

  test('reads the counts of a request of which nothing was accepted', async () => {
    await using server = await serve(() => ({
      status: 400,
      body: { detail: 'All were rejected.', accepted: 0, rejected: 2, items: [] },
    }));
    expect(
      await clientOf(server.url, idleClock()).postEvents(lines(2), { onInvalid: 'reject' }),
    ).toMatchObject({ accepted: 0, rejected: 2, deadLettered: 0 });
  });

  test('says what a gateway that is not ready waits for', async () => {
    await using server = await serve((_, number) =>
      number === 1
        ? { status: 503, body: { detail: 'runners: no runner is connected' } }
        : { status: 200, body: { status: 'ready' } },
    );
    const client = clientOf(server.url, idleClock());
    expect(await client.unreadiness()).toBe('runners: no runner is connected');
    expect(await client.unreadiness()).toBeNull();
  });

  test('finds the gateway of this machine by the environment', () => {
    expect(defaultGatewayUrl({})).toBe('http://127.0.0.1:8080');
    expect(defaultGatewayUrl({ VECTORSTREAM_HOST: '0.0.0.0', VECTORSTREAM_PORT: '9000' })).toBe(
      'http://127.0.0.1:9000',
    );
    expect(defaultGatewayUrl({ VECTORSTREAM_HOST: '::1' })).toBe('http://[::1]:8080');
    expect(() => defaultGatewayUrl({ VECTORSTREAM_PORT: 'x' })).toThrow(
      'VECTORSTREAM_PORT is "x"; allowed is a whole number from 1 to 65535.',
    );
    expect(() => defaultGatewayUrl({ VECTORSTREAM_HOST: 'a b' })).toThrow(
      /^VECTORSTREAM_HOST is "a b"/,
    );
  });
});

describe('sending', () => {
  const signal = new AbortController().signal;
  const accepting = {
    postEvents: (sent: readonly Uint8Array[]) =>
      Promise.resolve({ accepted: sent.length, rejected: 0, deadLettered: 0 }),
  };

  test('keeps to the rate by the monotonic clock', async () => {
    const result = await sendEvents({
      events: events(1000),
      client: accepting,
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

  test('stops between two posts, and reports what was acknowledged', async () => {
    const stop = new AbortController();
    const result = await sendEvents({
      events: events(5000),
      client: accepting,
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

  test('ends with the first failure, and begins no further post', async () => {
    let posts = 0;
    const failing = { postEvents: () => Promise.reject(new Error(`post ${++posts} failed`)) };
    await expect(
      sendEvents({
        events: events(50_000),
        client: failing,
        rate: null,
        clock: idleClock(),
        stop: signal,
        abandon: signal,
        onProgress: () => {},
      }),
    ).rejects.toThrow('post 1 failed');
    expect(posts).toBeLessThanOrEqual(3);
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

  test('sends every event to a gateway that is full at first, and sums up', async () => {
    await using server = await serve((body, number) =>
      number === 1 ? { status: 429, headers: { 'retry-after': '0' }, body: {} } : taken(body),
    );
    const { status, stdout } = await generate('--count', '1200', '--burst', '--target', server.url);
    expect(status).toBe(0);
    expect(stdout).toMatch(/sent +1,200\naccepted +1,200\n/);
    const sent = server.seen.slice(1).flatMap(({ body }) => body.trim().split('\n'));
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

  test('ends quietly when the reader of its output goes away', async () => {
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
  test('is one line that redraws itself on a terminal, and a line every few seconds elsewhere', () => {
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
