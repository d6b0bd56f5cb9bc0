// The live feed: which messages a client gets and in which order, what a slow client loses, and
// that the cost of a client is bounded.

import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { subprotocol, tokenSubprotocolPrefix } from '#core/protocol/wire.ts';
import { createApp } from '../../gateway/api/app.ts';
import { listen } from '../../gateway/http/http-server.ts';
import { Feed } from '../../gateway/live/feed.ts';
import { LiveSocket } from '../../gateway/live/live-socket.ts';
import { Live } from '../../gateway/live/live.ts';
import { Outbox } from '../../gateway/live/outbox.ts';
import { until } from '../helpers/until.ts';
import { apiKey, runner, testApp } from './test-services.ts';

describe('an outbox', () => {
  test('keeps order and bounds, has the latest of each key, and counts every loss', () => {
    expect(
      fc.check(
        fc.property(
          fc.array(
            fc.oneof(
              fc.record({
                put: fc.constantFrom(null, 'stats', 'health'),
                size: fc.integer({ min: 1, max: 30 }),
              }),
              fc.constant('take' as const),
            ),
          ),
          (steps) => {
            const outbox = new Outbox({ entriesMax: 5, charsMax: 100 });
            const newest = new Map<string, number>();
            const taken: { sequence: number; key: string | null }[] = [];
            let [sequence, dropped] = [0, 0];
            const take = () => {
              const next = outbox.take();
              if (next === null) return false;
              taken.push(next.entry);
              dropped += next.dropped;
              return true;
            };
            for (const step of steps) {
              if (step === 'take') take();
              else {
                sequence += 1;
                outbox.put({
                  sequence,
                  topic: 'stats',
                  key: step.put,
                  isSnapshot: false,
                  text: 'x'.repeat(step.size),
                });
                if (step.put !== null) newest.set(step.put, sequence);
              }
              if (outbox.size > 5) return false;
            }
            while (take());
            const replaced = sequence - taken.length - dropped;
            const inOrder = taken.every(
              (entry, index) => index === 0 || entry.sequence > (taken[index - 1]?.sequence ?? 0),
            );
            const latest = [...newest.values()].every(
              (last) => taken.some((entry) => entry.sequence === last) || dropped > 0,
            );
            return (
              inOrder &&
              latest &&
              replaced >= 0 &&
              replaced <= steps.filter((step) => step !== 'take' && step.put !== null).length
            );
          },
        ),
      ),
    ).toMatchObject({ failed: false });
  });
});

const publish = (feed: Feed, count: number) =>
  Array.from({ length: count }, (_, index) =>
    feed.publish({ topic: 'dead_letter', data: index, at: 0, key: null }, true),
  );

describe('a feed', () => {
  const options = {
    run: 'a1',
    keptMax: 5,
    keptCharsMax: 10_000,
    clientsMax: 2,
    outbox: { entriesMax: 10, charsMax: 10_000 },
  };

  test('resumes from its kept messages, and says when it cannot', () => {
    const feed = new Feed(options);
    publish(feed, 3);
    const seen = feed.id;
    publish(feed, 4);
    const mark = feed.markOf(seen);
    expect(
      feed.missed(mark ?? -1, new Set(['dead_letter'])).map(({ sequence }) => sequence),
    ).toEqual([4, 5, 6, 7]);
    expect(feed.missed(mark ?? -1, new Set(['runner']))).toEqual([]);
    publish(feed, 2);
    for (const id of [seen, 'b2-7', 'a1-100', 'a1-', 'nonsense', 'a1-1e3'])
      expect(feed.markOf(id)).toBeNull();
    expect(feed.markOf(feed.id)).toBe(9);
  });

  test('keeps nothing of before when it is cleared: a client starts again', () => {
    const feed = new Feed(options);
    publish(feed, 3);
    const seen = feed.id;
    publish(feed, 1);
    feed.clear();
    expect([feed.markOf(seen), feed.missed(0, new Set(['dead_letter']))]).toEqual([null, []]);
  });

  test('sends a message to the followers of its topic, and to no client that has left', () => {
    const feed = new Feed(options);
    const follower = feed.join(new Set(['dead_letter']));
    const other = feed.join(new Set(['stats']));
    expect(feed.isFull).toBe(true);
    publish(feed, 1);
    feed.leave(follower);
    publish(feed, 1);
    expect([
      follower.outbox.size,
      other.outbox.size,
      feed.isFull,
      feed.follows('dead_letter'),
    ]).toEqual([1, 0, false, false]);
  });
});

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function serve(env: Record<string, string> = {}) {
  const clock = new ManualClock();
  const live = new Live(clock, Number(env['CLIENTS'] ?? 10));
  const { services } = testApp({ clock, live }, env['CLIENTS'] === undefined ? env : {});
  const app = createApp(services);
  const liveSocket = new LiveSocket({
    live,
    now: () => clock.now(),
    ask: async (path, headers, incoming) =>
      app.fetch(new Request(`http://gateway${path}`, { headers }), { incoming }),
  });
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    basePath: '/',
    fetch: app.fetch,
    upgrades: new Map([['/ws/events', (...upgrade) => liveSocket.upgrade(...upgrade)]]),
    screen: (request) => services.access.screenUpgrade(request),
    limits: services.config.server,
    isProxy: () => false,
    certificate: null,
  });
  cleanUps.push(async () => {
    live.close();
    await server.stop(500);
  });
  return { live, clock, url: server.url, port: server.port };
}

type Received = Record<string, unknown> & { readonly type: string };

function follow(url: string, path: string, protocols: string[] = []) {
  const socket = new WebSocket(url.replace('http', 'ws') + path, protocols);
  const messages: Received[] = [];
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  const refused = new Promise<{ status: number; retryAfter: string | undefined; body: string }>(
    (resolve) =>
      socket.once('unexpected-response', (_request, response) => {
        let body = '';
        response
          .on('data', (chunk) => (body += String(chunk)))
          .on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              retryAfter: response.headers['retry-after'],
              body,
            }),
          );
      }),
  );
  socket.on('error', () => undefined);
  cleanUps.push(async () => socket.terminate());
  return {
    socket,
    messages,
    closed,
    refused,
    types: () => messages.map(({ type }) => type),
    until: (type: string, count = 1) =>
      until(
        `${count} ${type}`,
        60_000,
        () => messages.filter((message) => message.type === type)[count - 1],
      ),
  };
}

const doesNotAnswer = () => Promise.reject(new Error('the store does not answer'));

describe('over WebSocket', () => {
  test('a client gets hello, snapshots, changes and heartbeats', async () => {
    const { url, live, clock } = await serve();
    const { until: seen, types } = follow(url, '/ws/events');
    expect(await seen('hello')).toMatchObject({
      topics: ['stats', 'health', 'runner', 'dead_letter', 'sample'],
      resumed: false,
      heartbeat_ms: 15_000,
    });
    expect(await seen('runner')).toMatchObject({
      snapshot: true,
      data: { change: 'all', runners: [{ id: runner.id }] },
    });
    expect(types()).toEqual(['hello', 'stats', 'health', 'runner']);
    live.runnersChanged([{ ...runner, state: 'draining' }]);
    live.runnersChanged([]);
    expect(await seen('runner', 3)).toMatchObject({
      data: { change: 'left', runner: { id: runner.id } },
    });
    for (let second = 0; second < 15; second += 1) await clock.advance(1000);
    expect(await seen('stats', 2)).not.toHaveProperty('snapshot');
    expect(await seen('heartbeat')).toMatchObject({
      id: expect.stringMatching(`^${live.feed.run}-\\d+$`),
    });
  });

  test('a message changes topics; a wrong message ends the connection', async () => {
    const { url, live } = await serve();
    const client = follow(url, '/ws/events?topics=runner');
    await client.until('runner');
    client.socket.send(JSON.stringify({ type: 'subscribe', topics: ['stats'] }));
    expect(await client.until('hello', 2)).toMatchObject({ topics: ['runner', 'stats'] });
    await client.until('stats');
    client.socket.send(JSON.stringify({ type: 'unsubscribe', topics: ['runner'] }));
    expect(await client.until('hello', 3)).toMatchObject({ topics: ['stats'] });
    const before = client.messages.length;
    live.runnersChanged([runner]);
    client.socket.send('{"type":"subscribe","topics":["weather"]}');
    expect(await client.closed).toBe(4400);
    expect(client.messages.slice(before)).toEqual([]);
    const flood = follow(url, '/ws/events?topics=runner');
    await flood.until('hello');
    for (let index = 0; index < 70; index += 1) flood.socket.send('{"type":"heartbeat"}');
    expect(await flood.closed).toBe(4429);
  });

  test('a client that comes back gets what it missed', async () => {
    const { url, live } = await serve();
    const first = follow(url, '/ws/events?topics=runner');
    await first.until('runner');
    live.runnersChanged([runner]);
    const last = await first.until('runner', 2);
    first.socket.terminate();
    await until('it has left', 60_000, () => !live.feed.follows('runner'));
    live.runnersChanged([]);
    const again = follow(url, `/ws/events?topics=runner&since=${String(last['id'])}`);
    expect(await again.until('hello')).toMatchObject({ resumed: true });
    expect(await again.until('runner')).toMatchObject({ data: { change: 'left' } });
    expect(again.messages).toHaveLength(2);
  });

  test('key, topics and number of clients are checked as for every request', async () => {
    const { url } = await serve({ VECTORSTREAM_API_KEY: apiKey });
    expect(await follow(url, '/ws/events').refused).toMatchObject({
      status: 401,
      body: expect.stringContaining('api_key_missing'),
    });
    const protocols = [
      subprotocol,
      tokenSubprotocolPrefix + Buffer.from(apiKey).toString('base64url'),
    ];
    await follow(url, '/ws/events?topics=stats', protocols).until('stats');
    expect(await follow(url, '/ws/events?topics=weather', protocols).refused).toMatchObject({
      status: 422,
    });
    const full = await serve({ CLIENTS: '1' });
    const only = follow(full.url, '/ws/events?topics=stats');
    await only.until('stats');
    expect(await follow(full.url, '/ws/events').refused).toMatchObject({
      status: 503,
      retryAfter: '10',
      body: expect.stringContaining('live_full'),
    });
    only.socket.close();
    await only.closed;
    await until('the feed accepts clients again', 60_000, () => !full.live.feed.isFull);
  });

  test('a handshake that fails takes no place, however it fails', async () => {
    const { url, port, live } = await serve({ CLIENTS: '2' });
    const good = { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13' };
    const malformed: Record<string, string>[] = [
      { ...good, 'Sec-WebSocket-Key': 'short' },
      { ...good, 'Sec-WebSocket-Version': '12' },
      { ...good, 'Sec-WebSocket-Protocol': ',,' },
      { 'Sec-WebSocket-Version': '13' },
    ];
    const requestOf = (headers: Record<string, string>): string =>
      [
        'GET /ws/events HTTP/1.1',
        `Host: 127.0.0.1:${port}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        '\r\n',
      ].join('\r\n');
    for (const headers of malformed) {
      const socket = connect(port, '127.0.0.1');
      cleanUps.push(async () => socket.destroy());
      socket.write(requestOf(headers));
      const [answer] = await once(socket, 'data');
      expect(String(answer)).toMatch(/^HTTP\/1\.1 400 .*bad_websocket_request/s);
    }
    // These send a whole handshake, and no longer listen for its answer.
    for (const leave of ['end', 'resetAndDestroy'] as const) {
      const socket = connect(port, '127.0.0.1');
      cleanUps.push(async () => socket.destroy());
      await once(socket, 'connect');
      socket.on('error', () => undefined).resume();
      socket.write(requestOf(good), () => socket[leave]());
      await once(socket, 'close');
    }
    for (const path of ['/ws/events?topics=stats', '/ws/events?topics=runner'])
      await follow(url, path).until('hello');
    expect(live.feed.isFull).toBe(true);
  });

  test('a client follows although its snapshots cannot be made', async () => {
    const { url, live } = await serve();
    const failures: unknown[] = [];
    live.start({
      stats: doesNotAnswer,
      health: doesNotAnswer,
      causes: doesNotAnswer,
      runners: () => [runner],
      onError: (error) => failures.push(error),
    });
    const client = follow(url, '/ws/events?topics=stats,runner');
    await client.until('runner');
    client.socket.send(JSON.stringify({ type: 'subscribe', topics: ['health'] }));
    await client.until('hello', 2);
    await client.until('runner', 2);
    expect(client.types()).toEqual(['hello', 'runner', 'hello', 'runner']);
    expect(failures).toHaveLength(3);
  });

  test('a stop closes with 1001', async () => {
    const { url, live } = await serve();
    const { until: seen, closed } = follow(url, '/ws/events?topics=stats');
    await seen('stats');
    live.close();
    expect(await closed).toBe(1001);
  });

  test('a client that does not read costs bounded memory, and learns what it lost', async () => {
    const { live, port } = await serve();
    const socket = connect(port, '127.0.0.1');
    cleanUps.push(async () => socket.destroy());
    socket.write(
      [
        'GET /ws/events?topics=dead_letter HTTP/1.1',
        `Host: 127.0.0.1:${port}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version: 13',
        '\r\n',
      ].join('\r\n'),
    );
    await once(socket, 'data');
    socket.pause();
    const before = process.memoryUsage();
    const message = 'm'.repeat(10_000);
    for (let round = 0; round < 40; round += 1) {
      for (let index = 0; index < 500; index += 1)
        live.feed.publish({ topic: 'dead_letter', data: { message }, at: 0, key: null }, false);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const after = process.memoryUsage();
    expect(
      after.external + after.arrayBuffers - before.external - before.arrayBuffers,
    ).toBeLessThan(16 * 2 ** 20);
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.resume();
    const lost = await until(
      'it learns what it lost',
      60_000,
      () => /\{"type":"dropped","count":(\d+)\}/.exec(text)?.[1],
    );
    expect(Number(lost)).toBeGreaterThan(15_000);
  });
});

const reader = async (url: string, headers: Record<string, string> = {}) => {
  const stop = new AbortController();
  cleanUps.push(async () => stop.abort());
  const response = await fetch(url, { headers, signal: stop.signal });
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
  })().catch(() => undefined);
  return {
    response,
    stop,
    reading,
    text: () => text,
    until: (what: string) => until(what, 60_000, () => text.includes(what) && text),
  };
};

describe('as server-sent events', () => {
  test('messages have ids, resume by Last-Event-ID, and end with the gateway', async () => {
    const { url, live } = await serve();
    const first = await reader(`${url}/sse/events?topics=runner`);
    expect(first.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await first.until('event: runner');
    live.runnersChanged([runner]);
    const text = await first.until('"joined"');
    expect(text).toMatch(/^retry: 2000\n\nevent: hello\ndata: \{"type":"hello"/);
    const id = [...text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1] ?? '';
    first.stop.abort();
    await until('it has left', 60_000, () => !live.feed.follows('runner'));
    live.runnersChanged([]);
    const again = await reader(`${url}/sse/events?topics=runner`, { 'last-event-id': id });
    await again.until('"left"');
    expect(again.text()).toContain('"resumed":true');
    live.close();
    await again.reading;
  });

  test('a client that does not read is disconnected, and HEAD adds no client', async () => {
    const { url, port, live, clock } = await serve();
    expect((await fetch(`${url}/sse/events?topics=dead_letter`, { method: 'HEAD' })).status).toBe(
      200,
    );
    expect(live.feed.follows('dead_letter')).toBe(false);
    const socket = connect(port, '127.0.0.1');
    cleanUps.push(async () => socket.destroy());
    socket.on('error', () => undefined);
    socket.write(`GET /sse/events?topics=dead_letter HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    await once(socket, 'data');
    socket.pause();
    await until('nobody follows any more', 60_000, async () => {
      for (let index = 0; index < 500; index += 1)
        live.feed.publish(
          { topic: 'dead_letter', data: 'm'.repeat(10_000), at: 0, key: null },
          false,
        );
      await clock.advance(15_000);
      return !live.feed.follows('dead_letter');
    });
  });

  test('a wrong topic is a problem', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/sse/events?topics=weather`)).status).toBe(422);
  });
});
