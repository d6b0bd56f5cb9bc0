// Keys and scopes: who may do what, how keys are replaced while the gateway runs, and when guessing
// is blocked.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from '#core/errors/errors.ts';
import { openKeyRing } from '../../gateway/access/key-ring.ts';
import { routeRules, ruleOf } from '../../gateway/access/route-scopes.ts';
import { findKey, parseApiKey, parseKeyFile } from '../../gateway/config/api-keys.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { until } from '../helpers/until.ts';
import { apiKey, event, problemOf, testApp } from './test-services.ts';

const keys = {
  reader: 'the-key-of-the-reader',
  sender: 'the-key-of-the-sender',
  both: 'the-key-of-them-both',
  boss: 'the-key-of-the-boss',
};
const env = {
  VECTORSTREAM_API_KEYS: [
    `reader:read:${keys.reader}`,
    `sender:write:${keys.sender}`,
    `both:read+write:${keys.both}`,
    `boss:admin:${keys.boss}`,
  ].join(','),
};
const as = (key: string) => ({ authorization: `Bearer ${key}` });

describe('a key', () => {
  test('may do only what its scope allows', async () => {
    const { request, post } = testApp({}, env);
    const status = async (path: string, key: string, init: RequestInit = {}): Promise<number> =>
      (
        await request(path, {
          ...init,
          headers: { ...as(key), 'content-type': 'application/json' },
        })
      ).status;
    const put = { method: 'PUT', body: JSON.stringify({ waitMsMax: 30 }) };
    for (const [key, read, write, admin] of [
      [keys.reader, 200, 403, 403],
      [keys.sender, 403, 202, 403],
      [keys.both, 200, 202, 403],
      [keys.boss, 200, 202, 200],
    ] as const) {
      expect(await status('/events', key)).toBe(read);
      expect(await status('/search', key, { method: 'POST', body: '{"query":"kettle"}' })).toBe(
        read,
      );
      expect(await status('/events', key, { method: 'POST', body: JSON.stringify(event()) })).toBe(
        write,
      );
      expect(await status('/config', key)).toBe(admin);
      expect(await status('/config/search', key, put)).toBe(admin);
    }
    expect(await problemOf(await post('/events', event(), as(keys.reader)))).toMatchObject({
      status: 403,
      code: 'scope_missing',
      detail:
        'This needs the scope write or collect, which the API key reader does not have; it has read.',
    });
  });

  test('is required on every path except those that the table opens', async () => {
    const { request } = testApp({}, env);
    const { paths }: { paths: string[] } = await (await request('/')).json();
    const asked = await Promise.all(
      paths
        .filter((line) => !line.startsWith('WS '))
        .map(async (line) => {
          const [method = '', path = ''] = line.split(' ');
          const { status } = await request(path.replaceAll(/\{\w+\}/g, 'x'), { method });
          return { line, asksForKey: status === 401, scope: ruleOf(method, path).scope };
        }),
    );
    expect(asked.length).toBeGreaterThan(20);
    for (const { line, asksForKey, scope } of asked)
      expect([line, asksForKey]).toEqual([line, scope !== 'open']);
    expect(asked.filter(({ scope }) => scope === 'open').map(({ line }) => line)).toEqual(
      expect.arrayContaining(['GET /livez', 'GET /readyz', 'GET /demo', 'GET /assets/{file}']),
    );
    expect((await request('/nowhere')).status).toBe(401);
  });

  test('needs on each path what the table says, which lists every path and no other', async () => {
    const { paths }: { paths: string[] } = await (await testApp().request('/')).json();
    expect(Object.keys(routeRules).toSorted()).toEqual(
      ['GET /', ...paths.map((line) => line.replace('WS ', 'GET '))].toSorted(),
    );
    expect(ruleOf('DELETE', '/something/new')).toEqual({ scope: 'admin', budget: 'admin' });
    expect(ruleOf('GET', '/something/new')).toEqual({ scope: 'admin', budget: 'admin' });
    expect(ruleOf('HEAD', '/config')).toEqual(ruleOf('GET', '/config'));
    expect(ruleOf('GET', '/models/:revision/:path{.+}').scope).toBe('open');
  });

  test('set alone by VECTORSTREAM_API_KEY may do everything', async () => {
    const { post, request } = testApp({}, { VECTORSTREAM_API_KEY: apiKey });
    expect((await post('/events', event(), { 'x-api-key': apiKey })).status).toBe(202);
    expect((await request('/config', { headers: as(apiKey) })).status).toBe(200);
  });

  test('is kept as a hash, and a malformed one is never shown', () => {
    const config = parseConfig({ yaml: null, env, flags: new Map() });
    expect(JSON.stringify(config)).not.toContain(keys.boss);
    for (const wrong of [
      'boss:admin:short',
      'boss:root:the-key-of-the-boss',
      'the-key-of-the-boss',
      'a b:read:the-key-of-the-boss',
      'boss:admin:the-key of-the-boss',
    ]) {
      expect(parseApiKey(wrong)).toBeNull();
      expect(() =>
        parseConfig({ yaml: null, env: { VECTORSTREAM_API_KEYS: wrong }, flags: new Map() }),
      ).toThrow(/^VECTORSTREAM_API_KEYS is \[redacted\]; allowed: keys as name:scope:key/);
    }
    expect(findKey(config.gateway.apiKeys, keys.both)?.name).toBe('both');
    expect(findKey(config.gateway.apiKeys, `${keys.both}x`)).toBeNull();
  });
});

test('after too many wrong keys an address gets 429, but a right key is let in', async () => {
  const { request, clock } = testApp({}, { ...env, VECTORSTREAM_RATES_WRONG_KEYS_PER_MINUTE: '3' });
  const wrong = () => request('/stats', { headers: as('a-key-that-nobody-has') });
  for (let i = 0; i < 3; i += 1) expect((await wrong()).status).toBe(401);
  const refused = await wrong();
  expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'too_many_wrong_keys' });
  expect(refused.headers.get('retry-after')).toBe('20');
  expect((await request('/stats', { headers: as(keys.boss) })).status).toBe(200);
  await clock.advance(21_000);
  expect((await wrong()).status).toBe(401);
});

describe('a file of keys', () => {
  let folder = '';
  let lines: string[] = [];
  const log = createLog({
    level: 'trace',
    format: 'json',
    secrets: new Set(),
    destination: { write: (line) => lines.push(line) },
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vectorstream-keys-'));
    lines = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const put = async (text: string): Promise<string> => {
    await writeFile(join(folder, 'keys'), text, { mode: 0o600 });
    return join(folder, 'keys');
  };
  const open = (apiKeysFile: string, host = '127.0.0.1') =>
    openKeyRing({ apiKey: null, apiKeys: [], apiKeysFile, host }, log);

  test(
    'is read again when it changes; a broken change leaves the old keys in force and shows none',
    { timeout: 20_000 },
    async () => {
      const file = await put(`# the shop\nshop-1:write:${keys.sender}\n\n`);
      using ring = await open(file);
      expect(ring.keys().map(({ name }) => name)).toEqual(['shop-1']);
      await put(`shop-1:write:${keys.sender}\nshop-2:write:${keys.both}\n`);
      await until('the second key is valid', 60_000, () => findKey(ring.keys(), keys.both));
      expect(findKey(ring.keys(), keys.sender)?.name).toBe('shop-1');
      await put(`shop-2:write:${keys.both}\nnonsense-with-${keys.boss}\n`);
      await until('the broken file is reported', 60_000, () =>
        lines.some((line) => line.includes('line 2 of')),
      );
      expect(ring.keys()).toHaveLength(2);
      await put(`shop-2:write:${keys.both}\n`);
      await until(
        'the first key is gone',
        60_000,
        () => findKey(ring.keys(), keys.sender) === null,
      );
      expect(lines.join('')).not.toMatch(new RegExp(Object.values(keys).join('|')));
    },
  );

  test('that is empty, absent, writable by others or has duplicates is refused', async () => {
    const file = await put(`a:read:${keys.reader}\n`);
    await chmod(file, 0o664);
    await expect(open(file)).rejects.toThrow(/other users can write to .*chmod 600/);
    await chmod(file, 0o644);
    (await open(file))[Symbol.dispose]();
    expect(lines.join('')).toContain('every user of this machine can read the API keys');
    await expect(open(join(folder, 'nowhere'))).rejects.toThrow(/cannot be read: ENOENT/);
    await expect(open(await put('# none yet\n'))).rejects.toThrow(UsageError);
    await expect(open(await put(`a:read:${keys.reader}\na:read:${keys.both}\n`))).rejects.toThrow(
      /same name/,
    );
    await expect(open(await put(`a:read:${keys.reader}\nb:read:${keys.reader}\n`))).rejects.toThrow(
      /Two names have the same API key/,
    );
    expect(parseKeyFile(`a:read:${keys.reader}\nb`).wrong).toBe(2);
    const weak = await put('a:read:abababababababababab\n');
    (await open(weak))[Symbol.dispose]();
    await expect(open(weak, '0.0.0.0')).rejects.toThrow(/^The API key a has less than 8 different/);
  });
});

test('a request through a proxy to a gateway without a key is refused, and why', async () => {
  const { request } = testApp();
  expect(
    await problemOf(await request('/stats', { headers: { 'x-forwarded-for': '203.0.113.9' } })),
  ).toMatchObject({ status: 403, code: 'proxy_without_key' });
  expect((await request('/stats', { headers: { 'x-forwarded-for': '127.0.0.1' } })).status).toBe(
    200,
  );
  expect((await request('/livez', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(
    200,
  );
});

/** The secrets of a gateway on a network, and `more`. */
const onNetwork = (more: Record<string, string>) =>
  parseConfig({
    yaml: null,
    env: { VECTORSTREAM_HOST: '0.0.0.0', VECTORSTREAM_RUNNER_TOKEN: 'a-token-of-runners', ...more },
    flags: new Map(),
  });

function refusalOf(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'accepted';
}

test('a network needs a key, given in either way', () => {
  expect(() => onNetwork({})).toThrow(/set VECTORSTREAM_API_KEY/);
  for (const more of [
    { VECTORSTREAM_API_KEY: apiKey },
    env,
    { VECTORSTREAM_API_KEYS_FILE: 'keys' },
  ])
    expect(onNetwork(more).gateway.host).toBe('0.0.0.0');
});

describe('on a network, the start is refused', () => {
  test.for([
    ['one character', 'a', 'has less than 16 characters'],
    ['15 characters', 'abcdefghijklmno', 'has less than 16 characters'],
    ['few different characters', 'abcabcabcabcabcabc', 'has less than 8 different characters'],
    ['a published value', 'local-runner-token', 'is published in the files of this project'],
    ['another one', 'local-prometheus-key', 'is published in the files of this project'],
  ] as const)(
    'with a secret of %s, whichever secret it is; it is never shown',
    ([, secret, why]) => {
      const key = { VECTORSTREAM_API_KEY: apiKey };
      const all: readonly Record<string, string>[] = [
        { VECTORSTREAM_API_KEY: secret },
        { ...key, VECTORSTREAM_RUNNER_TOKEN: secret },
        ...(secret.length < 16 ? [] : [{ VECTORSTREAM_API_KEYS: `shop:read:${secret}` }]),
      ];
      for (const more of all) {
        const { gateway } = parseConfig({ yaml: null, env: more, flags: new Map() });
        expect(gateway.host).toBe('127.0.0.1');
      }
      const refusals = all.map((more) => refusalOf(() => onNetwork(more)));
      expect(refusals.map((line) => line.slice(0, line.indexOf(', and gateway.host')))).toEqual(
        ['VECTORSTREAM_API_KEY', 'VECTORSTREAM_RUNNER_TOKEN', 'The API key shop']
          .slice(0, refusals.length)
          .map((name) => `${name} ${why}`),
      );
      for (const line of refusals) {
        expect(line).toContain('openssl rand -base64 32');
        expect(line).not.toContain(secret.padEnd(2, '"'));
      }
    },
  );
});
