// Runner token, local runners, HTTP server and retention, each in isolation.

import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DependencyError, UsageError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { systemClock } from '#core/time/clock.ts';
import { freshToken, localSecret } from '../../gateway/access/local-secret.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { startLocalRunners } from '../../gateway/fleet/own-runners-process.ts';
import { failureMessage } from '../../gateway/gateway-command.ts';
import { listen, type HttpServer } from '../../gateway/http/http-server.ts';
import { runRetention } from '../../gateway/storage/retention-sweep.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { scriptedStore } from './test-services.ts';

let folder = '';
let lines: string[] = [];
const log = createLog({
  level: 'trace',
  format: 'json',
  secrets: new Set(),
  destination: { write: (line) => lines.push(line) },
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-gateway-'));
  lines = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A supervisor that records each start and then does what the test says. */
async function supervisor(
  body: string,
): Promise<{ readonly script: string; readonly starts: () => Promise<number> }> {
  const script = join(folder, 'supervisor.mjs');
  await writeFile(
    script,
    `import { appendFileSync } from 'node:fs';\n` +
      `appendFileSync(${JSON.stringify(join(folder, 'starts'))}, 'x');\n` +
      `process.on('disconnect', () => process.exit());\n${body}\n`,
  );
  return {
    script,
    starts: async () => (await readFile(join(folder, 'starts'), 'utf8').catch(() => '')).length,
  };
}
const start = (script: string) =>
  startLocalRunners({
    script,
    args: [],
    environment: { PATH: process.env['PATH'] ?? '' },
    clock: systemClock,
    log,
  });

const serve = (
  fetch: (request: Request) => Response | Promise<Response>,
  port = 0,
): Promise<HttpServer> =>
  listen({
    host: '127.0.0.1',
    port,
    basePath: '/',
    fetch,
    upgrades: new Map([
      ['/runners/connect', (_request, socket) => socket.end('HTTP/1.1 418 Taken\r\n\r\n')],
    ]),
    screen: () => null,
    limits: parseConfig({ yaml: null, env: {}, flags: new Map() }).server,
    isProxy: () => false,
    certificate: null,
  });

async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(text);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  await once(socket, 'close');
  return answer;
}

const upgrade = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

describe('the runner token', () => {
  test('is created once, readable by this user only, and kept', async () => {
    const token = await localSecret(folder, 'runner-token');
    expect(token).toMatch(/^[\w-]{43}$/);
    expect((await stat(join(folder, 'runner-token'))).mode & 0o777).toBe(0o600);
    expect(await localSecret(folder, 'runner-token')).toBe(token);
    expect(freshToken()).not.toBe(freshToken());
  });

  test('its data folder is created when nothing else has done so', async () => {
    const made = join(folder, 'with', 'kafka-and-qdrant');
    expect(await localSecret(made, 'runner-token')).toBe(await localSecret(made, 'runner-token'));
    expect((await stat(made)).mode & 0o777).toBe(0o700);
  });

  test('a file with other content is named in an error and not used', async () => {
    await writeFile(join(folder, 'runner-token'), 'two words\n');
    await expect(localSecret(folder, 'runner-token')).rejects.toThrow(UsageError);
    await expect(localSecret(join(folder, 'runner-token'), 'runner-token')).rejects.toThrow(
      /runner-token cannot be used/,
    );
  });
});

describe('local runners', () => {
  test('that end are started again, and stop when told to', async () => {
    const { script, starts } = await supervisor('process.exit(1);');
    const runners = start(script);
    await expect.poll(starts).toBeGreaterThanOrEqual(2);
    await runners.stop(5000);
    const count = await starts();
    expect(lines.join('')).toContain('restarting them');
    expect(await starts()).toBe(count);
  });

  test('that refuse their configuration are not started again', async () => {
    const { script, starts } = await supervisor('process.exit(2);');
    const runners = start(script);
    await expect.poll(() => lines.join('')).toContain('not restarting them');
    expect(await starts()).toBe(1);
    await runners.stop(5000);
  });

  test('that ignore the signal are killed after the time limit', async () => {
    const { script, starts } = await supervisor(
      "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);",
    );
    const runners = start(script);
    await expect.poll(starts).toBe(1);
    const startedAt = performance.now();
    await runners.stop(200);
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });
});

describe('the HTTP server', () => {
  test('a port in use is reported in one line', async () => {
    const first = await serve(() => new Response('ok'));
    await expect(serve(() => new Response('ok'), first.port)).rejects.toThrow(
      /^Port \d+ on 127\.0\.0\.1 is in use/,
    );
    await first.stop(1000);
  });

  // Earlier versions cannot decline an upgrade.
  test.skipIf(/^v24\.[0-8]\./.test(process.version))(
    'an upgrade to another protocol is declined (needs Node 24.9)',
    async () => {
      const server = await serve(() => new Response('as usual'));
      expect(
        await raw(
          server.port,
          'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\n' +
            'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
        ),
      ).toMatch(/^HTTP\/1\.1 200[\s\S]*as usual$/);
      await server.stop(1000);
    },
  );

  test('upgrades reach the hub on its path only; malformed HTTP gets a problem', async () => {
    const server = await serve(() => new Response('ok'));
    expect(await raw(server.port, upgrade('/runners/connect?x=1'))).toContain('418 Taken');
    expect(await raw(server.port, upgrade('//'))).toMatch(
      /^HTTP\/1\.1 404[\s\S]*"code":"not_found"/,
    );
    expect(await raw(server.port, 'nonsense\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400[\s\S]*"code":"bad_request"/,
    );
    expect(
      await raw(server.port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`),
    ).toMatch(/^HTTP\/1\.1 431/);
    expect(
      await raw(server.port, 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'),
    ).toMatch(/^HTTP\/1\.1 400[\s\S]*"code":"bad_request"/);
    await server.stop(1000);
  });

  test('a stop lets a request finish', async () => {
    const arrived = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const server = await serve(() => {
      arrived.resolve();
      return answer.promise;
    });
    const slow = fetch(server.url);
    await arrived.promise;
    const stopped = server.stop(5000);
    answer.resolve(new Response('done'));
    expect(await (await slow).text()).toBe('done');
    await stopped;
    await expect(fetch(server.url)).rejects.toThrow('fetch failed');
  });

  test('a stop waits for a limited time', async () => {
    const arrived = Promise.withResolvers<void>();
    const server = await serve(() => {
      arrived.resolve();
      return new Promise<Response>(() => undefined);
    });
    const never = fetch(server.url).then(
      () => 'answered',
      () => 'ended',
    );
    await arrived.promise;
    await server.stop(50);
    expect(await never).toBe('ended');
  });
});

test('retention deletes in steps, survives a failure, and ends with its signal', async () => {
  const clock = new ManualClock();
  const asked: number[] = [];
  const answers = [
    { events: 5, texts: 0, more: true },
    { events: 1, texts: 2, more: false },
    null,
    { events: 0, texts: 0, more: false },
  ];
  const store = {
    ...scriptedStore(),
    forget: async ({ ingestedBefore }: { ingestedBefore: number }) => {
      asked.push(clock.now() - ingestedBefore);
      const answer = answers.shift();
      if (!answer) throw new Error('disk');
      return answer;
    },
  };
  const stopping = new AbortController();
  const done = runRetention(
    { store, clock, log, retentionMs: () => 1000, sweepEveryMs: () => 60_000, textGraceMs: 1 },
    stopping.signal,
  );
  await clock.advance(59_999);
  expect(asked).toEqual([]);
  await clock.advance(1);
  await clock.advance(20);
  expect(asked).toEqual([1000, 1000]);
  expect(lines.join('')).toContain('"events":6,"texts":2');
  await clock.advance(60_000);
  expect(lines.join('')).toContain('retention sweep failed');
  await clock.advance(60_000);
  expect(asked).toHaveLength(4);
  stopping.abort();
  await done;
});

describe('the error of a gateway that cannot start', () => {
  const unforeseen = new Error('read\n  EIO');

  test.each([
    [new UsageError('--port is "x"; allowed: a number.'), '--port is "x"; allowed: a number.'],
    [
      new DependencyError('store', 'busy', 'The store is busy.', { retryable: true }),
      'The store is busy.',
    ],
    [unforeseen, 'The gateway cannot start: read EIO (LOG_LEVEL=debug shows where)'],
    ['nothing', 'The gateway cannot start: nothing (LOG_LEVEL=debug shows where)'],
  ])('are one line: %s', (error, words) => {
    expect(failureMessage(error, false)).toBe(words);
  });

  test('has a stack trace when that is requested', () => {
    expect(failureMessage(unforeseen, true)).toMatch(/^Error: read\n {2}EIO\n +at /);
  });
});
