// WS /ws/events: the live feed over WebSocket. A client must pass the same access checks as every
// request.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { handshakeToken } from '../access/handshake-token.ts';
import { refuseOnSocket } from '../http/problem-document.ts';
import { createWebSocketServer } from '../http/websocket-server.ts';
import { parseTopics, topics as allTopics } from './live-messages.ts';
import { frameBytesMax, serveLiveSession } from './live-session.ts';
import type { Live } from './live.ts';

export type LiveSocketOptions = {
  readonly live: Live;
  /** UTC ms. */
  readonly now: () => number;
  /** Asks the app for its answer to this path and these headers; 426 admits the client. */
  readonly ask: (path: string, headers: Headers, request: IncomingMessage) => Promise<Response>;
};

export class LiveSocket {
  readonly #options: LiveSocketOptions;
  readonly #server = createWebSocketServer(frameBytesMax);

  constructor(options: LiveSocketOptions) {
    this.#options = options;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#admit(request, socket, head).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      refuseOnSocket(socket, {
        status: 400,
        code: 'bad_request',
        detail: `The address or the headers of this request are malformed: ${message}.`,
      });
    });
  }

  async #admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { live, now, ask } = this.#options;
    const url = new URL(request.url ?? '/', 'http://gateway');
    const answer = await ask(url.pathname + url.search, headersOf(request), request);
    if (answer.status !== upgradeRequired) return writeResponse(answer, socket);
    const topics = parseTopics(url.searchParams.get('topics') ?? undefined);
    if (topics === null)
      return void refuseOnSocket(socket, {
        status: 422,
        code: 'validation_failed',
        detail: `topics: expected a list of ${allTopics.join(', ')}, separated by commas.`,
      });
    const connection = await live.open(topics, url.searchParams.get('since'));
    if (connection === null)
      return void refuseOnSocket(socket, {
        status: 503,
        code: 'live_full',
        detail:
          'The live feed is at its client limit (live.clientsMax), ' +
          'or the gateway is shutting down.',
        retryAfter: 10,
      });
    let isServed = false;
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      isServed = true;
      serveLiveSession({ socket: webSocket, live, now }, connection, topics);
    });
    // The handshake is complete at once, or never: it was malformed, or the client has gone.
    if (!isServed) connection.leave();
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

/** The request's headers for the app, with a token from the subprotocols as `Authorization`. */
function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers(
    Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === 'string' && !hopByHop.has(name) ? [[name, value] as [string, string]] : [],
    ),
  );
  const token = handshakeToken(request.headers);
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  return headers;
}

/** Writes the app's answer to the bare socket. */
async function writeResponse(answer: Response, socket: Duplex): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer());
  const headers = [...answer.headers]
    .filter(([name]) => !hopByHop.has(name))
    .map(([name, value]) => `${name}: ${value}`);
  const head = [
    `HTTP/1.1 ${answer.status} Refused`,
    'connection: close',
    `content-length: ${body.length}`,
    ...headers,
  ];
  socket.once('error', () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
}
