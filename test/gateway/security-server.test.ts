// The raw server on real sockets: requests that are slow, too many, too large or not HTTP get a
// clear answer, and other clients do not notice.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createApp } from '../../gateway/api/app.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { listen, type HttpServer, type HttpServerOptions } from '../../gateway/http/http-server.ts';
import { until } from '../helpers/until.ts';
import { testApp } from './test-services.ts';

const limits = parseConfig({ yaml: null, env: {}, flags: new Map() }).server;
let server: HttpServer | null = null;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.stop(100);
});

const serve = async (
  changes: Partial<HttpServerOptions['limits']>,
  options: Partial<HttpServerOptions> = {},
): Promise<HttpServer> => {
  server = await listen({
    host: '127.0.0.1',
    port: 0,
    basePath: '/',
    fetch: () => new Response('well'),
    upgrades: new Map(),
    screen: () => null,
    limits: { ...limits, ...changes },
    isProxy: () => false,
    certificate: null,
    ...options,
  });
  return server;
};

/** Sends `text` and keeps the line open. */
function open(
  port: number,
  text: string,
): { socket: Socket; answer: () => string; closed: Promise<unknown> } {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  socket.write(text);
  return { socket, answer: () => answer, closed: once(socket, 'close') };
}

async function answered(
  port: number,
  text: string,
): Promise<{ status: number; code: unknown; text: string }> {
  const { answer, closed } = open(port, text);
  await closed;
  const [head = '', body = ''] = answer().split('\r\n\r\n');
  for (const line of [
    /^content-security-policy: default-src 'none'/im,
    /^cross-origin-opener-policy: same-origin/im,
    /^cross-origin-embedder-policy: require-corp/im,
    /^x-content-type-options: nosniff/im,
    /^referrer-policy: no-referrer/im,
  ])
    expect(head).toMatch(line);
  if (!head.includes('application/problem+json'))
    throw new Error(`Not a problem document: ${answer()}`);
  const document: unknown = JSON.parse(body);
  return {
    status: Number(head.split(' ')[1]),
    code:
      typeof document === 'object' && document !== null && 'code' in document
        ? document.code
        : null,
    text: answer(),
  };
}

const get = (path: string, headers = 'Host: localhost\r\n', version = '1.1'): string =>
  `GET ${path} HTTP/${version}\r\n${headers}\r\n`;

describe('a malformed request is answered with a problem document', () => {
  test.each([
    ['without Host', get('/', ''), 400, 'host_header_wrong'],
    [
      'with two Hosts',
      get('/', 'Host: localhost\r\nHost: evil.example\r\n'),
      400,
      'host_header_wrong',
    ],
    [
      'with an unknown expectation',
      get('/', 'Host: localhost\r\nExpect: miracles\r\n'),
      417,
      'expectation_failed',
    ],
    ['with an endless address', get(`/${'a'.repeat(9000)}`), 414, 'url_too_long'],
    [
      'with too many headers',
      get(
        '/',
        `Host: localhost\r\n${Array.from({ length: 120 }, (_, i) => `X-${i}: y\r\n`).join('')}`,
      ),
      431,
      'headers_too_large',
    ],
    [
      'with headers too large',
      get('/', `Host: localhost\r\nX: ${'y'.repeat(20_000)}\r\n`),
      431,
      'headers_too_large',
    ],
    [
      'meant for a proxy',
      'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n',
      405,
      'method_not_allowed',
    ],
    ['that is not HTTP', 'HELLO\r\n\r\n', 400, 'bad_request'],
    [
      'with two lengths',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: ' +
        'chunked\r\n\r\n0\r\n\r\n',
      400,
      'bad_request',
    ],
    [
      'to upgrade with two Hosts',
      get(
        '/runners/connect',
        'Host: a\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
      ),
      400,
      'host_header_wrong',
    ],
  ])('%s', async (_name, text, status, code) => {
    const { port, url } = await serve({});
    expect(await answered(port, text)).toMatchObject({ status, code });
    expect(await (await fetch(url)).text()).toBe('well');
  });

  test('but HTTP/1.0 needs no Host', async () => {
    const { port } = await serve({});
    const { answer, closed } = open(port, get('/', '', '1.0'));
    await closed;
    expect(answer()).toMatch(/^HTTP\/1.1 200 .*well$/s);
  });
});

describe('a slow connection is closed', () => {
  test('that sends nothing', async () => {
    const { port } = await serve({ headersMsMax: 200 });
    const { answer, closed } = open(port, '');
    await closed;
    expect(answer()).toMatch(/^HTTP\/1.1 408 .*request_too_slow/s);
  });

  test('whose headers are slow', async () => {
    const { port } = await serve({ headersMsMax: 200 });
    const { socket, answer, closed } = open(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n');
    const drip = setInterval(() => socket.write('X: y\r\n'), 50);
    await closed;
    clearInterval(drip);
    expect(answer()).toMatch(/^HTTP\/1.1 408 .*request_too_slow/s);
  });

  test('whose body is slow, while a long body continues', { timeout: 20_000 }, async () => {
    const bodies: string[] = [];
    const { port } = await serve(
      { bodyBytesPerSecondMin: 1000 },
      {
        fetch: async (request) => {
          bodies.push(await request.text().catch(() => 'broken off'));
          return new Response('taken');
        },
      },
    );
    const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n';
    const slow = open(port, head);
    const long = open(port, head);
    let left = 100_000;
    const drip = setInterval(() => {
      slow.socket.write('x');
      left -= 1250;
      if (left >= 0) long.socket.write('y'.repeat(1250));
    }, 100);
    await slow.closed;
    expect(slow.answer()).toMatch(/^HTTP\/1.1 408 .*body_too_slow/s);
    await until('the long body is read', 60_000, () => long.answer().endsWith('taken'));
    clearInterval(drip);
    expect(bodies).toEqual(['broken off', 'y'.repeat(100_000)]);
  });

  test('whose whole request takes too long', async () => {
    const { port } = await serve(
      { headersMsMax: 100, requestMsMax: 300, bodyBytesPerSecondMin: 0 },
      { fetch: async (request) => new Response(await request.text()) },
    );
    const { answer, closed } = open(
      port,
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc',
    );
    await closed;
    expect(answer()).toMatch(/^HTTP\/1.1 408 /);
  });
});

describe('too many connections or requests', () => {
  test('from one address beyond the limit gets 503; a proxy has no such limit', async () => {
    let served = 0;
    const count = () => {
      served += 1;
      return new Response('well');
    };
    const { port } = await serve({ connectionsPerAddressMax: 2 }, { fetch: count });
    const held = [open(port, ''), open(port, '')];
    await Promise.all(held.map(({ socket }) => once(socket, 'connect')));
    expect(await answered(port, get('/'))).toMatchObject({
      status: 503,
      code: 'too_many_connections',
    });
    expect(served).toBe(0);
    held[0]?.socket.destroy();
    await until(
      'the address may connect again',
      60_000,
      async () =>
        (await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })).ok,
    );
    await server?.stop(100);

    const { port: behind } = await serve(
      { connectionsPerAddressMax: 1 },
      { isProxy: (address) => address === '127.0.0.1' },
    );
    const many = Array.from({ length: 5 }, () => open(behind, get('/')));
    await until('all are served', 60_000, () =>
      many.every(({ answer }) => answer().endsWith('well')),
    );
  });

  test('in total get 503', async () => {
    const { port } = await serve({ connectionsMax: 1 });
    const { socket } = open(port, '');
    await once(socket, 'connect');
    expect(await answered(port, get('/'))).toMatchObject({
      status: 503,
      code: 'too_many_connections',
    });
  });

  test('in flight get 503 with Retry-After, but probes are answered', async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    const { port, url } = await serve(
      { requestsInFlightMax: 1 },
      {
        basePath: '/vectors',
        fetch: async (request) => {
          if (request.url.endsWith('/wait')) await go;
          return new Response('well');
        },
      },
    );
    const waiting = open(port, get('/wait'));
    await once(waiting.socket, 'connect');
    const refused = await until('one is too many', 60_000, async () => {
      const response = await fetch(url);
      return response.status === 503 && response;
    });
    expect(refused.headers.get('retry-after')).toBe('1');
    for (const probe of ['/livez', '/readyz?for=intake', '/vectors/readyz?for=intake'])
      expect((await fetch(url + probe)).status).toBe(200);
    resolve();
    await until('the first is answered', 60_000, () => waiting.answer().endsWith('well'));
    expect((await fetch(url)).status).toBe(200);
  });
});

test('an upgrade is checked before it is handed over', async () => {
  let taken = 0;
  const { port } = await serve(
    {},
    {
      upgrades: new Map([
        [
          '/runners/connect',
          (_request, socket) => {
            taken += 1;
            socket.end('HTTP/1.1 418 Taken\r\n\r\n');
          },
        ],
      ]),
      screen: ({ headers }) =>
        headers.origin === undefined
          ? null
          : { status: 403, code: 'origin_not_allowed', detail: 'No.' },
    },
  );
  const upgrade = 'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  expect(
    await answered(port, get('/runners/connect', `${upgrade}Origin: https://evil.example\r\n`)),
  ).toMatchObject({ status: 403 });
  expect(taken).toBe(0);
  const { answer, closed } = open(port, get('/runners/connect', upgrade));
  await closed;
  expect(answer()).toContain('418 Taken');
});

test('a body that is too large is refused by its length; the connection stays usable', async () => {
  const { services } = testApp();
  const app = createApp(services);
  const { port } = await serve({}, { fetch: app.fetch });
  const body = 'x'.repeat(400_000);
  const { socket, answer } = open(port, '');
  const statuses = (): readonly (string | undefined)[] =>
    [...answer().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  const expected: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    for (const [path, status] of [
      ['/search', '413'],
      ['/nowhere', '413'],
      ['/config/pipeline', '413'],
    ] as const) {
      socket.write(
        `PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${body.length}\r\n\r\n${body}`,
      );
      expected.push(status);
      await until('it is refused', 60_000, () => statuses().length === expected.length);
      socket.write(get('/livez'));
      expected.push('200');
      await until(
        'the next one is answered',
        60_000,
        () => statuses().length === expected.length || socket.destroyed,
      );
      expect(statuses()).toEqual(expected);
    }
  }
});

describe('Expect: 100-continue', () => {
  const apiKey = 'k'.repeat(16);
  const post = (bytes: number, headers = `X-API-Key: ${apiKey}\r\n`): string =>
    'POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
    `Expect: 100-continue\r\nContent-Length: ${bytes}\r\n${headers}\r\n`;
  const serveApp = (): Promise<HttpServer> => {
    const { services } = testApp({}, { VECTORSTREAM_API_KEY: apiKey });
    return serve({}, { fetch: createApp(services).fetch });
  };

  test.for([
    ['a body that is too large', post(2 ** 31), 413, 'body_too_large'],
    ['a request without a key', post(100, ''), 401, 'api_key_missing'],
  ] as const)('%s is refused before it is asked for', async ([, request, status, code]) => {
    const { port } = await serveApp();
    const { answer, closed } = open(port, request);
    await closed;
    expect(answer()).toMatch(new RegExp(`^HTTP/1.1 ${status} .*"${code}"`, 's'));
    expect(answer()).toMatch(/^connection: close/im);
  });

  test('a body that is wanted is asked for once, and the connection goes on', async () => {
    const { port } = await serveApp();
    const { socket, answer } = open(port, post(2));
    await until('it is asked for', 60_000, () => answer() !== '');
    expect(answer()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('[]');
    await until('it is answered', 60_000, () => answer().includes('"no_events"'));
    socket.write(post(2, ''));
    await until('the next one is answered', 60_000, () => answer().includes('"api_key_missing"'));
    expect(answer().match(/100 Continue/g)).toHaveLength(1);
  });
});
