// Pages of other origins have no access: by Host, by Origin, and by the headers that browsers get
// with every answer.

import { describe, expect, test } from 'vitest';
import { clientAddress, addressBlock } from '../../gateway/access/client-address.ts';
import { originProblem, type OriginPolicy } from '../../gateway/access/origins.ts';
import { parseHostName, parseNetwork, parseOrigin } from '../../gateway/config/network.ts';
import { loadingPolicies } from '../../gateway/http/security-headers.ts';
import { event, problemOf, testApp } from './test-services.ts';

const loopback: OriginPolicy = {
  host: '127.0.0.1',
  publicHosts: ['shop.example'],
  allowed: ['https://panel.example'],
};
const network: OriginPolicy = { host: '0.0.0.0', publicHosts: [], allowed: [] };
const ask = (
  policy: OriginPolicy,
  changes: Partial<Parameters<typeof originProblem>[1]>,
): string | null =>
  originProblem(policy, {
    method: 'GET',
    isUpgrade: false,
    host: '127.0.0.1:8080',
    origin: undefined,
    ...changes,
  })?.code ?? null;

const policiesOf = (
  path: string,
  contentType: string,
  host: string | undefined,
  pictureOrigins: readonly string[] = [],
) => loadingPolicies({ path, contentType, host, pictureOrigins });
const contentPolicy = (...asked: Parameters<typeof policiesOf>): string | undefined =>
  policiesOf(...asked)['Content-Security-Policy'];

describe('a name', () => {
  test.each([
    '127.0.0.1:8080',
    'localhost',
    'LOCALHOST:9000',
    '[::1]:8080',
    'app.localhost:8080',
    '127.8.8.8',
    'shop.example',
    'shop.example:443',
  ])('of a loopback gateway: %s', (host) => {
    expect(ask(loopback, { host })).toBeNull();
  });

  test.each([
    'evil.example:8080',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '192.168.1.5:8080',
    '',
    undefined,
    'a b',
    'user@localhost',
    '[::1',
    'localhost:x',
  ])('that resolves to a loopback gateway but is not its own is refused: %s', (host) => {
    expect(ask(loopback, { host })).toBe('host_not_allowed');
  });

  test('is not checked on a network, where a key is required, until names are configured', () => {
    expect(ask(network, { host: 'gateway:8080' })).toBeNull();
    const named = { ...network, publicHosts: ['shop.example'] };
    expect(ask(named, { host: 'gateway:8080' })).toBe('host_not_allowed');
    for (const host of ['shop.example', '10.1.2.3:8080', '[fd00::5]:8080', 'localhost:8080'])
      expect(ask(named, { host })).toBeNull();
  });
});

describe('an origin', () => {
  const host = '127.0.0.1:8080';
  test("that is the gateway's own or listed may change things and open WebSockets", () => {
    for (const origin of [
      'http://127.0.0.1:8080',
      'https://127.0.0.1:8080',
      'https://panel.example',
      undefined,
    ]) {
      expect(ask(loopback, { method: 'POST', host, origin })).toBeNull();
      expect(ask(loopback, { isUpgrade: true, host, origin })).toBeNull();
    }
  });

  test.each([
    'https://evil.example',
    'http://127.0.0.1:9999',
    'null',
    'file://',
    'http://localhost:8080',
    'https://panel.example.evil.example',
    'not a url',
  ])('of others may not: %s', (origin) => {
    expect(ask(loopback, { method: 'POST', host, origin })).toBe('origin_not_allowed');
    expect(ask(loopback, { method: 'DELETE', host, origin })).toBe('origin_not_allowed');
    expect(ask(loopback, { isUpgrade: true, host, origin })).toBe('origin_not_allowed');
    expect(ask(loopback, { method: 'GET', host, origin })).toBeNull();
  });

  test('of a foreign page cannot send an event without a preflight', async () => {
    const { request, appended } = testApp();
    const body = JSON.stringify(event());
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json']) {
      const response = await request('/events', {
        method: 'POST',
        body,
        headers: { 'content-type': type, origin: 'https://evil.example' },
      });
      expect(await problemOf(response)).toMatchObject({ status: 403, code: 'origin_not_allowed' });
    }
    expect(
      (
        await request('/events', {
          method: 'POST',
          body,
          headers: { 'content-type': 'text/plain' },
        })
      ).status,
    ).toBe(415);
    expect(await problemOf(await request('http://rebound.example/stats'))).toMatchObject({
      status: 421,
      code: 'host_not_allowed',
    });
    expect(appended).toEqual([]);
  });
});

const preflight = (origin: string) => ({
  method: 'OPTIONS',
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
  },
});

describe('CORS', () => {
  test('answers listed pages without a key, and no others', async () => {
    const { request } = testApp(
      {},
      {
        VECTORSTREAM_CORS_ORIGINS: 'https://panel.example',
        VECTORSTREAM_API_KEY: 'correct-horse-battery-staple',
      },
    );
    const allowed = await request('/events', preflight('https://panel.example'));
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://panel.example');
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
    const answered = await request('/stats', {
      headers: { origin: 'https://panel.example', 'x-api-key': 'correct-horse-battery-staple' },
    });
    expect(answered.headers.get('access-control-expose-headers')).toContain('Idempotency-Replayed');
    expect([
      answered.status,
      answered.headers.get('access-control-allow-origin'),
      answered.headers.get('vary'),
    ]).toEqual([200, 'https://panel.example', expect.stringContaining('Origin')]);
    const other = await request('/events', preflight('https://evil.example'));
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    expect(await problemOf(other)).toMatchObject({
      status: 403,
      code: 'origin_not_allowed',
      detail: expect.stringContaining('"https://evil.example"'),
    });
    // A refused key does not look like a failure of CORS.
    const wrong = await request('/stats', {
      headers: { origin: 'https://panel.example', 'x-api-key': 'wrong' },
    });
    expect([wrong.status, wrong.headers.get('access-control-allow-origin')]).toEqual([
      401,
      'https://panel.example',
    ]);
  });

  test('is off when nothing is configured', async () => {
    const response = await testApp().request('/events', preflight('https://panel.example'));
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('every answer', () => {
  test('has headers that keep it private in browsers, errors included', async () => {
    const { request } = testApp();
    for (const path of ['/stats', '/nowhere', '/', '/livez', 'http://rebound.example/']) {
      const { headers } = await request(path);
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-store',
        'content-security-policy':
          "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      });
      expect(headers.get('permissions-policy')).toContain('camera=()');
      expect(headers.get('strict-transport-security')).toBeNull();
    }
  });

  test('over TLS asks browsers for TLS from then on, except on a loopback name', async () => {
    const { request } = testApp(
      {},
      {
        VECTORSTREAM_TLS_CERT: 'c',
        VECTORSTREAM_TLS_KEY: 'k',
        VECTORSTREAM_PUBLIC_HOSTS: 'shop.example',
      },
    );
    expect(
      (
        await request('https://shop.example/livez', { headers: { host: 'shop.example' } })
      ).headers.get('strict-transport-security'),
    ).toBe('max-age=15552000');
    expect(
      (await request('https://localhost/livez', { headers: { host: 'localhost' } })).headers.get(
        'strict-transport-security',
      ),
    ).toBeNull();
  });

  test('that is the search page may show pictures of named origins, and no other page may', () => {
    const origins = ['https://pictures.shop.example'];
    expect(policiesOf('/search', 'text/html', 'box', origins)).toEqual({
      'Content-Security-Policy': expect.stringContaining(
        "img-src 'self' https://pictures.shop.example;",
      ),
      'Cross-Origin-Embedder-Policy': 'credentialless',
    });
    for (const [path, type] of [
      ['/demo', 'text/html'],
      ['/assets/a.js', 'text/javascript'],
      ['/search', 'application/json'],
    ] as const)
      expect(policiesOf(path, type, 'box', origins)).toEqual(policiesOf(path, type, 'box'));
    expect(Object.keys(policiesOf('/search', 'text/html', 'box'))).toEqual([
      'Content-Security-Policy',
    ]);
  });

  test('that is a page may connect only to this host; one page has inline styles', () => {
    const page = contentPolicy('/demo', 'text/html; charset=utf-8', 'box:8080');
    expect(page).toContain("connect-src 'self' ws://box:8080 wss://box:8080");
    expect(page).toContain("script-src 'self' 'wasm-unsafe-eval'");
    for (const host of ['box; script-src *', 'box\r\nX: y', undefined])
      expect(contentPolicy('/demo', 'text/html', host)).toContain("connect-src 'self';");
    for (const policy of [
      page,
      contentPolicy('/assets/a.js', 'text/javascript', 'box'),
      contentPolicy('/docs', 'text/html', 'box'),
    ]) {
      expect(policy).not.toMatch(/'unsafe-eval'|\*|https?:/);
      expect(policy).toContain("frame-ancestors 'none'");
    }
    expect(page).not.toContain('unsafe-inline');
    expect(contentPolicy('/docs', 'text/html', 'box')).toContain(
      "style-src 'self' 'unsafe-inline'",
    );
  });
});

describe('an address', () => {
  test('comes from X-Forwarded-For only behind trusted proxies, and cannot be forged', () => {
    expect(clientAddress([])('10.0.0.1', '6.6.6.6')).toBe('10.0.0.1');
    const behind = clientAddress(['10.0.0.0/8', 'fd00::1']);
    expect(behind('10.0.0.1', '6.6.6.6, 203.0.113.9')).toBe('203.0.113.9');
    expect(behind('::ffff:10.0.0.1', '6.6.6.6, 203.0.113.9, 10.0.0.7')).toBe('203.0.113.9');
    expect(behind('203.0.113.9', '6.6.6.6')).toBe('203.0.113.9');
    expect(behind('10.0.0.1', 'nonsense')).toBe('10.0.0.1');
    expect(behind(undefined, undefined)).toBe('');
  });

  test('of IPv6 counts by its /64 network', () => {
    expect(addressBlock('2001:db8:1:2:3:4:5:6')).toBe(addressBlock('2001:db8:1:2::9'));
    expect(addressBlock('2001:db8:1:3::9')).not.toBe(addressBlock('2001:db8:1:2::9'));
    expect(addressBlock('::1')).toBe('0:0:0:0::/64');
    expect(addressBlock('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
    expect(addressBlock('10.0.0.1')).toBe('10.0.0.1');
  });

  test('networks, origins and names of the settings are checked', () => {
    expect(['10.0.0.0/8', '::1', '10.0.0.0/33', 'ten', '1.2.3.4/'].map(parseNetwork)).toEqual([
      '10.0.0.0/8',
      '::1',
      null,
      null,
      null,
    ]);
    expect(
      [
        'https://a.example',
        'https://a.example/',
        'https://a.example/x',
        'a.example',
        'ftp://a',
        '*',
      ].map(parseOrigin),
    ).toEqual(['https://a.example', 'https://a.example', null, null, null, null]);
    expect(['Box.LAN', '10.0.0.1', 'a.example:80', 'http://a', ''].map(parseHostName)).toEqual([
      'box.lan',
      '10.0.0.1',
      null,
      null,
      null,
    ]);
  });
});
