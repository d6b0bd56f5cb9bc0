// Which gateway an import talks to, and what it makes of the answers; against a server that answers
// as told.

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { UsageError } from '#core/errors/errors.ts';
import { systemClock } from '#core/time/clock.ts';
import { connectTarget } from '../../cli/import/import-target.ts';

type Answer = { readonly status: number; readonly body: unknown };
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server on a free port; resolves to that port. */
async function serve(answer: (path: string, body: string) => Answer): Promise<number> {
  const server = createServer((request: IncomingMessage, response) => {
    void text(request).then((body) => {
      const { status, body: reply } = answer(request.url ?? '', body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server that listens on a port has such an address
  return (server.address() as AddressInfo).port;
}

const stats = (events: number, lag: number) => ({
  events: { received: 0, stored: 0, superseded: 0, dead_lettered: 0, unsettled: lag, lag },
  runners: [],
  store: { texts: 0, events },
  dead_letters: { open: 0 },
});

const connect = (url: string | null, port: number) =>
  connectTarget({
    url,
    dataDir: tmpdir(),
    environment: { VECTORSTREAM_PORT: String(port) },
    clock: systemClock,
    stop: new AbortController().signal,
    abandon: new AbortController().signal,
    say: () => {},
    onWait: () => {},
  });

const lines = (...ids: string[]) => ids.map((id) => new TextEncoder().encode(id));

describe('the gateway of an import', () => {
  it('is the one that already runs on this machine; it is left running', async () => {
    const port = await serve((path) => ({
      status: 200,
      body: path === '/stats' ? stats(0, 0) : {},
    }));
    await using target = await connect(null, port);
    expect(target).toMatchObject({ own: false, url: `http://127.0.0.1:${port}` });
  });

  it('is not whatever else listens there', async () => {
    const port = await serve(() => ({ status: 404, body: {} }));
    await expect(connect(null, port)).rejects.toThrow(
      /is not a gateway \(404 to \/livez\).*--target/,
    );
  });

  it('needs an address', async () => {
    await expect(connect('localhost:8080', 1)).rejects.toBeInstanceOf(UsageError);
    await expect(connect('nonsense', 1)).rejects.toThrow(/--target nonsense: .*http:/);
  });

  it('is asked until nothing is left to make searchable, and says by how much its store grew', async () => {
    const answers = [stats(100, 0), stats(120, 30), stats(140, 10), stats(150, 0)];
    const port = await serve((path) => ({
      status: 200,
      body: path === '/stats' ? answers.shift() : {},
    }));
    await using target = await connect(null, port);
    const left: [number, string][] = [];
    expect(
      await target.searchable(new AbortController().signal, (...seen) => left.push(seen)),
    ).toEqual({ added: 50, deadLettered: 0 });
    expect(left).toEqual([
      [30, 'waiting for a runner'],
      [10, 'waiting for a runner'],
      [0, ''],
    ]);
  });

  it('refuses some rows of a batch: exactly those are named, in its own words', async () => {
    const port = await serve((path, body) => {
      if (!path.startsWith('/events')) return { status: 200, body: stats(0, 0) };
      const items = body
        .trim()
        .split('\n')
        .map((id, index) =>
          id.startsWith('bad')
            ? {
                index,
                event_id: null,
                status: 'rejected',
                error: { code: 'invalid_event', message: `${id} is bad`, field: null },
              }
            : { index, event_id: id, status: 'accepted' },
        );
      const rejected = items.filter(({ status }) => status === 'rejected').length;
      return {
        status: rejected === items.length ? 400 : 202,
        body: { accepted: items.length - rejected, rejected, items },
      };
    });
    await using target = await connect(null, port);
    expect([...(await target.post(lines('a', 'b', 'c')))]).toEqual([]);
    expect([...(await target.post(lines('bad1', 'b', 'c', 'bad2', 'e')))]).toEqual([
      [0, 'bad1 is bad'],
      [3, 'bad2 is bad'],
    ]);
    expect([...(await target.post(lines('bad1')))]).toEqual([[0, 'bad1 is bad']]);
  });

  it('is held to its counts: an answer that leaves rows unaccounted for ends the import', async () => {
    const port = await serve((path) => ({
      status: path.startsWith('/events') ? 202 : 200,
      body: path.startsWith('/events') ? { accepted: 1, rejected: 1, items: [] } : stats(0, 0),
    }));
    await using target = await connect(null, port);
    await expect(target.post(lines('a', 'b'))).rejects.toThrow(
      'took 1 and refused 1 of 2 events, with 0 reasons',
    );
  });
});
