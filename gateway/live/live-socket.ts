// WS /ws/events: the live feed over WebSocket, for who passes the same door as every request; a
// slow client costs a bounded number of bytes.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { closeReason, subprotocol } from '#core/protocol/wire.ts';
import { refuseOnSocket } from '../http/problem-document.ts';
import {
  clientMessageSchema,
  droppedText,
  heartbeatText,
  parseTopics,
  type Topic,
} from './live-messages.ts';
import type { LiveConnection, Live } from './live.ts';
import { tokenOf } from './subprotocol-token.ts';

export type LiveSocketOptions = {
  readonly live: Live;
  readonly now: () => number;
  /** Asks the app what it answers to this address and these headers: its door is the only one. */
  readonly ask: (path: string, headers: Headers, request: IncomingMessage) => Promise<Response>;
};

/** What may wait in a socket before its outbox keeps the rest; and what a client may send. */
const bufferedBytesMax = 256 * 1024;
const frameBytesMax = 4 * 1024;
const messagesPerBeatMax = 60;
/** A peer that does not answer a close is cut off. */
const closeMsMax = 2_000;

const close = { goingAway: 1001, badMessage: 4400, timeout: 4408, tooMany: 4429 } as const;

export class LiveSocket {
  readonly #options: LiveSocketOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: frameBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });

  constructor(options: LiveSocketOptions) {
    this.#options = options;
    this.#server.on('wsClientError', (error, socket) =>
      refuseOnSocket(socket, {
        status: 400,
        code: 'bad_websocket_request',
        detail: `${error.message}.`,
      }),
    );
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#admit(request, socket, head).catch((error: unknown) => {
      refuseOnSocket(socket, {
        status: 400,
        code: 'bad_request',
        detail: `The address or the headers of this request are malformed: ${error instanceof Error ? error.message : String(error)}.`,
      });
    });
  }

  async #admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { live, ask } = this.#options;
    const url = new URL(request.url ?? '/', 'http://gateway');
    const headers = new Headers(
      Object.entries(request.headers).flatMap(([name, value]) =>
        typeof value === 'string' && !hopByHop.has(name) ? [[name, value] as [string, string]] : [],
      ),
    );
    const token = tokenOf(request.headers['sec-websocket-protocol']);
    if (token !== null && !headers.has('authorization'))
      headers.set('authorization', `Bearer ${token}`);
    const answer = await ask(url.pathname + url.search, headers, request);
    if (answer.status !== upgradeRequired) return pass(answer, socket);
    const topics = parseTopics(url.searchParams.get('topics') ?? undefined);
    if (topics === null)
      return void refuseOnSocket(socket, {
        status: 422,
        code: 'validation_failed',
        detail:
          'topics: expected a list of stats, health, runner, dead_letter, sample, separated by commas.',
      });
    const connection = await live.open(topics, url.searchParams.get('since'));
    if (connection === null)
      return void refuseOnSocket(socket, {
        status: 503,
        code: 'live_full',
        detail: 'As many clients follow this gateway as may (live.clientsMax), or it stops.',
        retryAfter: 10,
      });
    if (socket.destroyed) return connection.leave();
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      this.#serve(webSocket, connection, topics),
    );
  }

  #serve(socket: WebSocket, first: LiveConnection, firstTopics: readonly Topic[]): void {
    const { live, now } = this.#options;
    let connection = first;
    let topics = new Set(firstTopics);
    let isAlive = true;
    let received = 0;
    let changing = Promise.resolve();

    const pump = (): void => {
      while (socket.readyState === socket.OPEN && socket.bufferedAmount < bufferedBytesMax) {
        const next = connection.client.outbox.take();
        if (next === null) return;
        if (next.dropped > 0) socket.send(droppedText(next.dropped));
        socket.send(next.entry.text, pump);
      }
    };
    const begin = (given: LiveConnection): void => {
      connection = given;
      connection.client.wake = pump;
      socket.send(connection.hello);
      pump();
    };
    const change = async (wanted: Set<Topic>): Promise<void> => {
      const before = connection;
      const since = live.feed.id;
      before.leave();
      const added = [...wanted].filter((topic) => !topics.has(topic));
      topics = wanted;
      const next = await live.open([...wanted], added.length === 0 ? since : null);
      if (socket.readyState !== socket.OPEN) next?.leave();
      else if (next === null) end(close.goingAway, 'no more clients may follow');
      else begin(next);
    };
    const end = (code: number, reason: string): void => {
      if (socket.readyState !== socket.OPEN) return;
      socket.close(code, closeReason(reason));
      const cut = setTimeout(() => socket.terminate(), closeMsMax);
      cut.unref();
      socket.once('close', () => clearTimeout(cut));
    };
    const unwatch = live.watch(
      () => {
        if (!isAlive) return socket.terminate();
        isAlive = false;
        received = 0;
        socket.ping();
        if (socket.bufferedAmount < bufferedBytesMax)
          socket.send(heartbeatText(live.feed.id, now()));
      },
      () => end(close.goingAway, 'the gateway stops'),
    );

    socket.on('error', () => undefined);
    socket.on('pong', () => {
      isAlive = true;
    });
    socket.on('message', (data, isBinary) => {
      if (socket.readyState !== socket.OPEN) return;
      isAlive = true;
      received += 1;
      if (received > messagesPerBeatMax)
        return end(
          close.tooMany,
          `more than ${messagesPerBeatMax} messages between two heartbeats`,
        );
      const message = isBinary ? null : messageOf(data);
      if (message === null)
        return end(close.badMessage, 'expected {"type":"subscribe" or "unsubscribe","topics":[…]}');
      if (message.type === 'heartbeat') return;
      const { type, topics: named } = message;
      changing = changing.then(() =>
        change(
          new Set(
            type === 'subscribe'
              ? [...topics, ...named]
              : [...topics].filter((topic) => !named.includes(topic)),
          ),
        ),
      );
    });
    socket.once('close', () => {
      unwatch();
      connection.leave();
    });
    begin(first);
  }
}

const upgradeRequired = 426;
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'te',
  'trailer',
]);

function messageOf(data: RawData) {
  try {
    const text = Array.isArray(data)
      ? Buffer.concat(data).toString()
      : Buffer.isBuffer(data)
        ? data.toString()
        : Buffer.from(data).toString();
    const parsed = clientMessageSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** What the app answered, on the bare socket. */
async function pass(answer: Response, socket: Duplex): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer());
  const headers = [...answer.headers]
    .filter(([name]) => !hopByHop.has(name))
    .map(([name, value]) => `${name}: ${value}`);
  socket.once('error', () => socket.destroy());
  socket.end(
    Buffer.concat([
      Buffer.from(
        [
          `HTTP/1.1 ${answer.status} Refused`,
          'connection: close',
          `content-length: ${body.length}`,
          ...headers,
        ].join('\r\n') + '\r\n\r\n',
      ),
      body,
    ]),
  );
}
