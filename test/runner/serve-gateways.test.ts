// A runner joins every gateway behind its URLs exactly once, while gateways come and go.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { RunnerRefusedError } from '#core/protocol/runner-reconnect.ts';
import { subprotocol } from '#core/protocol/wire.ts';
import {
  connectTo,
  endpointsOf,
  type GatewayEndpoint,
} from '../../node-runner/gateway-addresses.ts';
import { createLog } from '../../node-runner/node-runner-log.ts';
import { serveGateways } from '../../node-runner/serve-gateways.ts';

const log = createLog({ level: 'silent', format: 'json', fields: {} });
const nameOf = ({ url, address }: GatewayEndpoint): string => address ?? url;

describe('the endpoints of a URL', () => {
  test.each<[string, readonly string[], readonly (string | null)[]]>([
    ['ws://gateways:8080', ['10.0.0.1', '10.0.0.2'], ['10.0.0.1', '10.0.0.2']],
    [
      'ws://both-families:8080',
      ['fd00::1', '10.0.0.1', '10.0.0.2', 'fd00::2'],
      ['10.0.0.1', '10.0.0.2'],
    ],
    ['ws://six-only:8080', ['fd00::1', 'fd00::2'], ['fd00::1', 'fd00::2']],
    ['ws://twice:8080', ['10.0.0.1', '10.0.0.1'], ['10.0.0.1']],
    ['ws://localhost:8080', ['127.0.0.1', '::1'], [null]],
    ['ws://localhost:8080', ['::1'], [null]],
    ['ws://10.0.0.9:8080', [], [null]],
    ['ws://[fd00::9]:8080', [], [null]],
  ])('%s with %j', async (url, addresses, expected) => {
    expect(await endpointsOf(url, async () => addresses)).toEqual(
      expected.map((address) => ({ url, address })),
    );
  });

  test('an endpoint is dialled at its address under its host name', async () => {
    const server = createServer();
    const sockets = new WebSocketServer({ server, handleProtocols: () => subprotocol });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const joined = once(sockets, 'connection');
    const channel = await connectTo(
      { url: `ws://gateways.example:${port}`, address: '127.0.0.1' },
      { token: 't', signal: new AbortController().signal },
    );
    const [socket, request] = await joined;
    expect(request).toMatchObject({
      url: '/runners/connect',
      headers: { host: `gateways.example:${port}` },
    });
    const frames = new Promise((resolve) =>
      channel.listen({ frame: resolve, closed: () => undefined }),
    );
    socket.send('{"type":"gateway-heartbeat"}');
    expect(await frames).toBe('{"type":"gateway-heartbeat"}');
    channel.close(1000, 'done');
    await once(socket, 'close');
    server.close();
    await expect(
      connectTo(
        { url: `ws://gateways.example:${port}`, address: '127.0.0.1' },
        { token: 't', signal: new AbortController().signal },
      ),
    ).rejects.toMatchObject({ code: 'connect_failed' });
  });
});

/** A runner with `urls`. The test may change `dns`, and inspects and ends what it serves. */
function start(urls: readonly string[], dns: Record<string, readonly string[] | null>) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const open = new Map<string, PromiseWithResolvers<void>>();
  const dialled: string[] = [];
  const done = serveGateways({
    urls,
    clock,
    drain: stop.signal,
    log,
    lookup: async (host) => {
      const found = dns[host] ?? null;
      if (found === null) throw new Error('ENOTFOUND');
      return found;
    },
    // Like `keepConnected`: dials again whenever the connection is lost, until it is stopped.
    serve: async (place, dial) => {
      while (!stop.signal.aborted) {
        dial();
        dialled.push(nameOf(place));
        const connection = Promise.withResolvers<void>();
        open.set(nameOf(place), connection);
        const drained = Promise.withResolvers<string>();
        stop.signal.addEventListener('abort', () => drained.resolve('drained'));
        const end = await Promise.race([drained.promise, connection.promise]).finally(() =>
          open.delete(nameOf(place)),
        );
        if (end === 'drained') return;
        await clock.sleep(250, stop.signal).catch(() => undefined);
      }
    },
  });
  return {
    clock,
    stop,
    done,
    dns,
    open,
    dialled,
    lose: (name: string) => open.get(name)?.resolve(),
    refuse: (name: string) => open.get(name)?.reject(new RunnerRefusedError(4409, 'another model')),
  };
}

describe('a runner of several gateways', () => {
  test('joins all, finds new ones, and drops a removed one when it disconnects', async () => {
    const { clock, stop, done, dns, open, dialled, lose } = start(['ws://gateways:8080'], {
      gateways: ['10.0.0.1', '10.0.0.2'],
    });
    await clock.advance(0);
    expect([...open.keys()]).toEqual(['10.0.0.1', '10.0.0.2']);
    dns['gateways'] = ['10.0.0.2', '10.0.0.3'];
    await clock.advance(10_000);
    expect([...open.keys()]).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    lose('10.0.0.1');
    lose('10.0.0.2');
    await clock.advance(1_000);
    expect([...open.keys()].toSorted()).toEqual(['10.0.0.2', '10.0.0.3']);
    // The address is back: it is another gateway, or the same.
    dns['gateways'] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
    await clock.advance(10_000);
    expect(dialled.filter((name) => name === '10.0.0.1')).toHaveLength(2);
    stop.abort();
    await done;
    expect(clock.sleeping).toBe(0);
  });

  test('two URLs with the same endpoint are one gateway', async () => {
    const { clock, stop, done, dialled } = start(['ws://a:8080', 'ws://b:8080', 'ws://b:9090'], {
      a: ['10.0.0.1'],
      b: ['10.0.0.1'],
    });
    await clock.advance(0);
    expect(dialled).toEqual(['10.0.0.1', '10.0.0.1']);
    stop.abort();
    await done;
  });

  test('a failed lookup removes no gateway and is soon retried', async () => {
    const { clock, stop, done, dns, open } = start(['ws://a:8080', 'ws://b:8080'], {
      a: ['10.0.0.1'],
      b: null,
    });
    await clock.advance(0);
    expect([...open.keys()]).toEqual(['10.0.0.1']);
    dns['a'] = null;
    dns['b'] = ['10.0.0.2'];
    await clock.advance(1_000);
    expect([...open.keys()]).toEqual(['10.0.0.1', '10.0.0.2']);
    stop.abort();
    await done;
  });

  test('stops even before any name is resolved', async () => {
    const { clock, stop, done } = start(['ws://a:8080'], {});
    await clock.advance(5_000);
    stop.abort();
    await done;
    expect(clock.sleeping).toBe(0);
  });

  test('a refusal removes one gateway; the last one ends the runner', async () => {
    const { clock, done, open, refuse } = start(['ws://gateways:8080'], {
      gateways: ['10.0.0.1', '10.0.0.2'],
    });
    const refused = done.catch((error: unknown) => error);
    await clock.advance(0);
    refuse('10.0.0.1');
    await clock.advance(60_000);
    expect([...open.keys()]).toEqual(['10.0.0.2']);
    refuse('10.0.0.2');
    await clock.advance(1);
    expect(await refused).toMatchObject({ name: 'RunnerRefusedError', closeCode: 4409 });
    expect(clock.sleeping).toBe(0);
  });

  test('any other failure ends it at once', async () => {
    const { clock, done, open } = start(['ws://gateways:8080'], {
      gateways: ['10.0.0.1', '10.0.0.2'],
    });
    const failed = done.catch((error: unknown) => error);
    await clock.advance(0);
    open.get('10.0.0.1')?.reject(new Error('the model session failed'));
    await clock.advance(0);
    expect(await failed).toMatchObject({ message: 'the model session failed' });
  });
});
