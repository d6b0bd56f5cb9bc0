// The audit trail: who changed what, with which outcome, in a file of bounded size. It has no
// content of bodies, and nothing that the gateway writes has a secret.

import { appendFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { openAuditTrail } from '../../gateway/access/audit-trail.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { parseFlags } from '../../gateway/config/parse-flags.ts';
import { SettingsError } from '../../gateway/config/settings-mistakes.ts';
import { failureMessage } from '../../gateway/gateway-command.ts';
import { startGateway } from '../../gateway/gateway.ts';
import { noGenerator } from '../../gateway/ingest/parent-generator.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { writeFakeModel } from '../helpers/fake-model-folder.ts';
import { event, testApp } from './test-services.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-audit-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const log = createLog({
  level: 'silent',
  format: 'json',
  secrets: new Set(),
  destination: { write: () => undefined },
});
const line = {
  key: 'shop',
  address: '10.0.0.1',
  method: 'POST',
  path: '/events',
  status: 202,
  request_id: 'r-1',
};
const linesOf = async (file: string): Promise<Record<string, unknown>[]> =>
  (await readFile(join(folder, file), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));

describe('the file', () => {
  test('has one JSON object per line, for this user alone, over a restart too', async () => {
    for (let start = 0; start < 2; start += 1) {
      using trail = openAuditTrail({
        dataDir: folder,
        fileBytesMax: 10_000,
        clock: new ManualClock(0),
        log,
      });
      trail.write(line);
    }
    expect(await linesOf('audit.ndjson')).toEqual([
      { time: '1970-01-01T00:00:00.000Z', ...line },
      { time: '1970-01-01T00:00:00.000Z', ...line },
    ]);
    expect((await stat(join(folder, 'audit.ndjson'))).mode & 0o777).toBe(0o600);
  });

  test('and its predecessor stay within the bound: a full file is rotated', async () => {
    {
      using trail = openAuditTrail({
        dataDir: folder,
        fileBytesMax: 10_000,
        clock: new ManualClock(0),
        log,
      });
      for (let i = 0; i < 1000; i += 1) {
        trail.write({ ...line, request_id: `r-${i}` });
      }
    }
    const [now, before] = await Promise.all(
      ['audit.ndjson', 'audit.ndjson.1'].map((name) => stat(join(folder, name))),
    );
    for (const { size } of [now, before].filter((found) => found !== undefined))
      expect(size).toBeLessThanOrEqual(10_000);
    expect((await linesOf('audit.ndjson')).at(-1)).toMatchObject({ request_id: 'r-999' });
  });

  test('is read by pages, newest first, over a rotation and without torn lines', async () => {
    using trail = openAuditTrail({
      dataDir: folder,
      fileBytesMax: 2_000,
      clock: new ManualClock(0),
      log,
    });
    const pagesOf = async (limit: number): Promise<unknown[]> => {
      const ids: unknown[] = [];
      let before: Parameters<NonNullable<typeof trail.read>>[1] = null;
      do {
        const page: Awaited<ReturnType<NonNullable<typeof trail.read>>> | undefined =
          await trail.read?.(limit, before);
        ids.push(...(page?.items ?? []).map(({ request_id: id }) => id));
        before = page?.next ?? null;
      } while (before !== null);
      return ids;
    };
    expect(await pagesOf(10)).toEqual([]);
    for (let i = 0; i < 18; i += 1) {
      trail.write({ ...line, request_id: `r-${i}` });
      if (i === 15) appendFileSync(join(folder, 'audit.ndjson'), '{"torn\n');
    }
    const expected = Array.from({ length: 18 }, (_, i) => `r-${17 - i}`);
    expect(await pagesOf(100)).toEqual(expected);
    expect(await pagesOf(1)).toEqual(expected);
    expect(await pagesOf(7)).toEqual(expected);
    expect(await stat(join(folder, 'audit.ndjson.1'))).toBeTruthy();
    expect(await trail.read?.(10, { file: '1', offset: 5 })).toBeNull();
  });

  test('that cannot be written stops the start; with a bound of 0 there is none', async () => {
    expect(() =>
      openAuditTrail({
        dataDir: import.meta.filename,
        fileBytesMax: 1000,
        clock: new ManualClock(0),
        log,
      }),
    ).toThrow(/audit\.ndjson cannot be written/);
    using trail = openAuditTrail({
      dataDir: join(folder, 'none'),
      fileBytesMax: 0,
      clock: new ManualClock(0),
      log,
    });
    trail.write(line);
    await expect(stat(join(folder, 'none'))).rejects.toThrow('ENOENT');
  });
});

test('records changes, refused ones too, but no reads and no unknown clients', async () => {
  const keys = {
    VECTORSTREAM_API_KEYS: 'shop:write:the-key-of-the-shop,reader:read:the-key-of-the-reader',
  };
  const { post, request, audited } = testApp({}, keys);
  const shop = { 'x-api-key': 'the-key-of-the-shop', 'x-request-id': 'r-1' };
  await post('/events', event({ event_id: 'body-text' }), shop);
  await post('/events', 'not json', shop);
  await request('/config/pipeline', {
    method: 'PUT',
    headers: { ...shop, 'content-type': 'application/json' },
    body: '{"batchAgeMsMax":1}',
  });
  await post('/search', { query: 'kettle' }, { 'x-api-key': 'the-key-of-the-reader' });
  await request('/stats', { headers: { 'x-api-key': 'the-key-of-the-reader' } });
  await post('/events', event(), { 'x-api-key': 'the-key-of-a-stranger' });
  await post('/events', event());
  expect((await post('/events', event(), { origin: 'https://evil.example' })).status).toBe(403);
  await post('/nowhere', {}, shop);
  expect(audited).toEqual([
    {
      key: 'shop',
      address: '',
      method: 'POST',
      path: '/events',
      status: 202,
      request_id: 'r-1',
      accepted: 1,
      rejected: 0,
      dead_lettered: 0,
    },
    { key: 'shop', address: '', method: 'POST', path: '/events', status: 400, request_id: 'r-1' },
    {
      key: 'shop',
      address: '',
      method: 'PUT',
      path: '/config/pipeline',
      status: 403,
      request_id: 'r-1',
    },
  ]);
});

const as = (key: string) => ({
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
});

describe('no planted secret', () => {
  const secrets = {
    VECTORSTREAM_API_KEY: 'planted-api-key-0001',
    VECTORSTREAM_RUNNER_TOKEN: 'planted-runner-token-0002',
    QDRANT_API_KEY: 'planted-qdrant-key-0003',
    KAFKA_SASL_USERNAME: 'planted-kafka-user-0004',
    KAFKA_SASL_PASSWORD: 'planted-kafka-password-0005',
  };
  const planted = /planted-[\w-]+-\d{4}/;

  test('is in a log, an answer or the audit trail of a running gateway', async () => {
    await writeFakeModel(join(folder, 'model'));
    const lines: string[] = [];
    const settings = new Settings({
      yaml: null,
      flags: new Map(),
      env: {
        VECTORSTREAM_PORT: '0',
        VECTORSTREAM_DATA_DIR: join(folder, 'data'),
        VECTORSTREAM_MODEL: join(folder, 'model'),
        VECTORSTREAM_RUNNERS: '0',
        VECTORSTREAM_API_KEYS: 'shop:write:planted-shop-key-0006',
        KAFKA_SASL_MECHANISM: 'plain',
        ...secrets,
      },
    });
    const unknown = new Set([secrets.VECTORSTREAM_API_KEY, secrets.VECTORSTREAM_RUNNER_TOKEN]);
    const gatewayLog = createLog({
      level: 'trace',
      format: 'json',
      secrets: unknown,
      destination: { write: (text) => lines.push(text) },
    });
    const gateway = await startGateway(settings, {
      log: gatewayLog,
      secrets: unknown,
      environment: {},
      generator: noGenerator,
      onFatal: (error) => lines.push(String(error)),
    });
    const answers: string[] = [];
    const ask = async (path: string, init: RequestInit = {}): Promise<void> => {
      const response = await fetch(`${gateway.url}${path}`, init);
      answers.push(JSON.stringify([...response.headers]), await response.text());
    };
    for (const key of [
      secrets.VECTORSTREAM_API_KEY,
      'planted-shop-key-0006',
      'planted-wrong-key-0007',
    ]) {
      for (const path of [
        '/config',
        '/health',
        '/stats',
        '/system',
        '/metrics',
        '/runners',
        '/openapi.json',
        '/nowhere',
        `/events?api_key=x`,
      ])
        await ask(path, as(key));
      await ask('/events', { method: 'POST', body: '{', ...as(key) });
      await ask('/config/gateway', { method: 'PUT', body: '{"apiKey":"x"}', ...as(key) });
    }
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/runners/connect`, [
      'vectorstream.v1',
      `vectorstream.token.${Buffer.from('planted-wrong-token-0008').toString('base64url')}`,
    ]);
    await new Promise((resolve) => socket.once('error', resolve));
    await gateway.close();
    const trail = await readFile(join(folder, 'data', 'audit.ndjson'), 'utf8');
    const encoded = [...Object.values(secrets), 'planted-wrong-token-0008'].map((secret) =>
      Buffer.from(secret).toString('base64url'),
    );
    for (const text of [lines.join(''), answers.join('\n'), trail]) {
      expect(text.length).toBeGreaterThan(500);
      expect(text).not.toMatch(planted);
      for (const one of encoded) expect(text).not.toContain(one);
    }
  });

  test.each<[string, Record<string, string>, string[]]>([
    ['an address of Qdrant', { QDRANT_URL: 'http://user:planted-in-url-0009@127.0.0.1:6333' }, []],
    [
      'an address given as a flag',
      {},
      ['--qdrant-url', 'http://user:planted-in-flag-0010@127.0.0.1:6333'],
    ],
    ['brokers', { KAFKA_BROKERS: 'user:planted-in-brokers-0011@127.0.0.1:9092' }, []],
    ['malformed keys', { VECTORSTREAM_API_KEYS: 'planted-in-keys-0012' }, []],
    ['a key with a space', { VECTORSTREAM_API_KEY: 'planted-in key-0013' }, []],
    ['an incomplete login', { KAFKA_SASL_PASSWORD: 'planted-password-0014' }, []],
  ])('in %s is in the line that refuses the start', (_, environment, flags) => {
    const refusal = refusalOf(environment, flags);
    expect(refusal).toMatch(/^[^\n]+$/);
    expect(refusal).not.toMatch(/planted|accepted/);
  });
});

test('guessing the runner token is blocked, over HTTP and over WebSocket', async () => {
  await writeFakeModel(join(folder, 'model'));
  const settings = new Settings({
    yaml: null,
    flags: new Map(),
    env: {
      VECTORSTREAM_PORT: '0',
      VECTORSTREAM_DATA_DIR: join(folder, 'data'),
      VECTORSTREAM_MODEL: join(folder, 'model'),
      VECTORSTREAM_RUNNERS: '0',
      VECTORSTREAM_RUNNER_TOKEN: 'the-runner-token',
      VECTORSTREAM_RATES_WRONG_KEYS_PER_MINUTE: '3',
    },
  });
  const gateway = await startGateway(settings, {
    log,
    secrets: new Set(),
    environment: {},
    generator: noGenerator,
    onFatal: () => undefined,
  });
  const ask = async (token: string) =>
    (
      await fetch(`${gateway.url}/runners/connect`, {
        headers: { authorization: `Bearer ${token}` },
      })
    ).status;
  const knock = (token: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(
        `${gateway.url.replace('http', 'ws')}/runners/connect`,
        'vectorstream.v1',
        { headers: { authorization: `Bearer ${token}` } },
      );
      socket.once('error', ({ message }) => resolve(message));
      socket.once('open', () => {
        socket.terminate();
        resolve('open');
      });
    });
  expect(await knock('the-runner-token')).toBe('open');
  expect(await ask('wrong-1')).toBe(401);
  expect(await knock('wrong-2')).toContain('401');
  expect(await ask('wrong-3')).toBe(401);
  expect(await knock('wrong-4')).toContain('429');
  expect(await ask('wrong-5')).toBe(429);
  expect(await knock('the-runner-token')).toBe('open');
  expect(await ask('the-runner-token')).toBe(204);
  expect((await fetch(`${gateway.url}/stats`)).status).toBe(200);
  await gateway.close();
});

/** The line that the command prints before it ends. */
function refusalOf(env: Readonly<Record<string, string>>, argv: readonly string[]): string {
  try {
    const { flags } = parseFlags(argv);
    return `accepted: ${Object.keys(new Settings({ yaml: null, env, flags }).config).join()}`;
  } catch (error) {
    return error instanceof SettingsError
      ? error.located('vectorstream.yaml')
      : failureMessage(error, false);
  }
}
