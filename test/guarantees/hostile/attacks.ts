// Kinds of hostile requests: what each sends, and how it may be refused.

import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Random } from '../../../cli/generator/random.ts';

export type Attack = {
  readonly kind: string;
  readonly act: (socket: Socket, came: () => string) => void;
  /**
   * `problem`: a 4xx with a problem document. `or-closed`: that, unless the answer is lost because
   * more data was in flight. `closed`: after an upgrade.
   */
  readonly end: 'problem' | 'or-closed' | 'closed';
};

type Kind = {
  /** Relative frequency. */
  readonly weight: number;
  readonly end?: Attack['end'];
  readonly bytes?: (dice: Random, key: string) => string | Uint8Array;
  readonly act?: (dice: Random, key: string) => Attack['act'];
};

/**
 * A request in latin1, one byte per character. All but the malformed ones ask the server to close
 * the connection.
 */
const request = (method: string, path: string, headers: readonly string[], body = ''): string =>
  [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    ...headers,
    ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
    '',
    body,
  ].join('\r\n');

const json = 'Content-Type: application/json';
const bearer = (key: string): string => `Authorization: Bearer ${key}`;
const post = (path: string, key: string, body: string, ...headers: readonly string[]): string =>
  request('POST', path, [json, bearer(key), ...headers], body);
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const noise = (dice: Random, length: number): string =>
  Array.from({ length }, () => String.fromCharCode(dice.below(256))).join('');
const bomb = latin1(gzipSync(Buffer.alloc(24 * 2 ** 20, '1')));
const large = 'x'.repeat(17 * 2 ** 20);
const nested = (depth: number): string => `{"query":${'['.repeat(depth)}${']'.repeat(depth)}}`;

const wrongSearches = [
  '{"query":7}',
  '{"query":""}',
  '{"query":null}',
  '{"limit":5}',
  '{"query":"a","limit":-1}',
  '{"query":"a","limit":1e999}',
  '{"query":"a","filter":[]}',
  '{"query":"a","filter":{"price_max":"cheap"}}',
  '{"vector":[]}',
  '{"vector":["a"]}',
  '{"query":"a","vector":[1]}',
  '{"query":"a","__proto__":{"limit":1},"more":1}',
  '[]',
  '7',
  'null',
  '"text"',
  '{"query":"a","cursor":"AAAA"}',
  '{"text_id":"../../etc"}',
  '{"query":"a"',
  '',
];
const wrongEvents = [
  '{}',
  '[{}]',
  '[1,2,3]',
  '{"event_id":7}',
  '[[[[]]]]',
  'null',
  '{"event_id":"a","timestamp":"yesterday"}',
  '[',
  '\u0000',
];
const tricks = [
  '/../../../../etc/passwd',
  '/..%2f..%2fpackage.json',
  '/%2e%2e/%2e%2e/package.json',
  '/runner/../../package.json',
  '/assets/..%5c..%5cpackage.json',
  '/%00',
  '/events/%00',
  '/events/%ff',
  '/events/%',
  '/events/..%00/',
  '//evil.example/events',
  '/.git/config',
  '/.env',
  '/events/' + 'a'.repeat(4000),
  '/v1/models/..',
  '/products/%2f%2f/similar?limit=x',
  '/events?limit=-1',
  '/events?limit=1e9',
  '/events?cursor=%00%ff',
  '/dlq/messages?state=nowhere',
  '/dlq/messages/..%2f..',
  '/stats/../config/..%2f',
];
const malformed = [
  'HELLO\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  'GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n',
  'POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n' +
    'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n',
  'POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 2\r\n\r\n',
  'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\u0000b\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\nConnection: close\r\n\r\n',
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\r\n\r\n',
];
const methods = ['DELETE', 'PATCH', 'PUT', 'TRACE', 'PROPFIND', 'PURGE'];

const upgrade = (path: string, ...headers: readonly string[]): string =>
  [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
    '',
    '',
  ].join('\r\n');

/**
 * Each breaks RFC 6455: an unmasked frame, an unknown opcode, a length of terabytes, text that is
 * not UTF-8, a fragmented ping, reserved bits, text that is no message.
 */
const frames: readonly (readonly number[])[] = [
  [0x81, 0x02, 0x68, 0x69],
  [0x83, 0x80, 0, 0, 0, 0],
  [0x81, 0xff, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  [0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
  [0x09, 0x80, 0, 0, 0, 0],
  [0xf1, 0x80, 0, 0, 0, 0],
  [0x80, 0x80, 0, 0, 0, 0],
];

/** Sent once the upgrade is accepted. */
const afterUpgrade =
  (head: string, frame: readonly number[]): Attack['act'] =>
  (socket, came) => {
    socket.write(head, 'latin1');
    socket.on('data', () => {
      if (came().includes(' 101 ')) socket.write(Uint8Array.from(frame));
    });
  };

const dripping: Attack['act'] = (socket) => {
  socket.write(
    'POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
      'Content-Length: 100000\r\n\r\n[',
  );
  const drip = setInterval(() => socket.write(' '), 1_000);
  socket.on('close', () => clearInterval(drip));
};

export const kinds: Readonly<Record<string, Kind>> = {
  'a body that claims to be too large': {
    weight: 4,
    bytes: (_, key) =>
      request('POST', '/events', [json, bearer(key), 'Content-Length: 20971520'], '').concat('['),
  },
  'a body that is too large': {
    weight: 0.3,
    end: 'or-closed',
    bytes: (_, key) => post('/events', key, large),
  },
  'a search with wrong types': {
    weight: 12,
    bytes: (dice, key) => post('/search', key, dice.pick(wrongSearches)),
  },
  'events with wrong types': {
    weight: 12,
    bytes: (dice, key) => post('/events', key, dice.pick(wrongEvents)),
  },
  'broken UTF-8': {
    weight: 6,
    bytes: (dice, key) =>
      post(
        dice.pick(['/events', '/search', '/v1/embeddings', '/dlq/messages']),
        key,
        `{"query":"${noise(dice, 1 + dice.below(200))}\u00ff"}`,
      ),
  },
  'noise as NDJSON': {
    weight: 5,
    bytes: (dice, key) =>
      request(
        'POST',
        '/events',
        [bearer(key), 'Content-Type: application/x-ndjson'],
        noise(dice, 1 + dice.below(2_000)),
      ),
  },
  'deep nesting': {
    weight: 3,
    bytes: (dice, key) => post('/search', key, nested(100 + dice.below(20_000))),
  },
  'a body that is not gzip': {
    weight: 6,
    end: 'or-closed',
    bytes: (dice, key) => post('/events', key, noise(dice, 300), 'Content-Encoding: gzip'),
  },
  'gzip cut short': {
    weight: 4,
    bytes: (dice, key) =>
      post('/events', key, bomb.slice(0, 20 + dice.below(40)), 'Content-Encoding: gzip'),
  },
  'an unknown encoding': {
    weight: 2,
    bytes: (_, key) => post('/events', key, '[]', 'Content-Encoding: compress'),
  },
  'a zip bomb': {
    weight: 1,
    end: 'or-closed',
    bytes: (_, key) => post('/events', key, bomb, 'Content-Encoding: gzip'),
  },
  'an unsupported media type': {
    weight: 3,
    bytes: (dice, key) =>
      request(
        'POST',
        dice.pick(['/events', '/search', '/v1/embeddings']),
        [bearer(key), 'Content-Type: application/xml'],
        '<a/>',
      ),
  },
  'too many headers': {
    weight: 5,
    end: 'or-closed',
    bytes: () =>
      request(
        'GET',
        '/livez',
        Array.from({ length: 150 }, (_, index) => `X-${index}: y`),
      ).concat('\r\n'),
  },
  'headers that are too large': {
    weight: 5,
    end: 'or-closed',
    bytes: (dice) =>
      request('GET', '/livez', [`X: ${'y'.repeat(17_000 + dice.below(20_000))}`]).concat('\r\n'),
  },
  'an address that is too long': {
    weight: 4,
    end: 'or-closed',
    bytes: (dice) => request('GET', `/${'a'.repeat(8_200 + dice.below(4_000))}`, []).concat('\r\n'),
  },
  'a path that tries to escape': {
    weight: 14,
    bytes: (dice, key) => request('GET', dice.pick(tricks), [bearer(key)]).concat('\r\n'),
  },
  'a method that is not served': {
    weight: 4,
    bytes: (dice, key) =>
      request(dice.pick(methods), dice.pick(['/events', '/search', '/livez', '/nowhere']), [
        bearer(key),
      ]).concat('\r\n'),
  },
  'no HTTP': { weight: 8, bytes: (dice) => dice.pick(malformed) },
  'an almost valid key': {
    weight: 8,
    bytes: (dice, key) =>
      request('GET', dice.pick(['/stats', '/config', '/events', '/dlq/messages']), [
        dice.pick([
          bearer(key.slice(1)),
          bearer(`${key}x`),
          bearer(key.toUpperCase()),
          bearer(''),
          `Authorization: Basic ${key}`,
          `X-API-Key: ${key.slice(0, -1)}`,
          bearer(noise(dice, 5).replaceAll(/[\r\n\0]/g, 'ÿ')),
        ]),
      ]).concat('\r\n'),
  },
  'a stolen runner token': {
    weight: 5,
    bytes: (dice) =>
      upgrade('/runners/connect', 'Sec-WebSocket-Protocol: vectorstream.v1', bearer(dice.uuid())),
  },
  'a foreign Host': {
    weight: 3,
    bytes: (_, key) =>
      `GET /stats HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n${bearer(key)}\r\n\r\n`,
  },
  'a WebSocket from a foreign page': {
    weight: 2,
    bytes: (_, key) => upgrade('/ws/events', 'Origin: https://evil.example', bearer(key)),
  },
  'a WebSocket to an unknown path': { weight: 2, bytes: () => upgrade('/ws/nowhere') },
  'an invalid WebSocket frame': {
    weight: 6,
    end: 'closed',
    act: (dice, key) => afterUpgrade(upgrade('/ws/events', bearer(key)), dice.pick(frames)),
  },
  'a slow body': { weight: 0.15, act: () => dripping },
};

/** The next attack; the same for the same dice. */
export function nextAttack(dice: Random, key: string): Attack {
  const total = Object.values(kinds).reduce((sum, { weight }) => sum + weight, 0);
  let left = dice.next() * total;
  const [kind, chosen] = Object.entries(kinds).find(([, { weight }]) => (left -= weight) < 0) ??
    Object.entries(kinds)[0] ?? ['', { weight: 0 }];
  const { end = 'problem', bytes, act } = chosen;
  const content = bytes?.(dice, key) ?? '';
  return {
    kind,
    end,
    act:
      act?.(dice, key) ??
      ((socket) =>
        socket.write(content instanceof Uint8Array ? content : Buffer.from(content, 'latin1'))),
  };
}
