// Serves the live feed to one WebSocket client: a slow client costs a bounded number of bytes, and
// a silent or misbehaving one is disconnected.

import type { RawData, WebSocket } from 'ws';
import { closeWebSocket, frameBytes } from '../http/websocket-server.ts';
import { clientMessageSchema, droppedText, heartbeatText, type Topic } from './live-messages.ts';
import type { Live, LiveConnection } from './live.ts';

export type LiveSessionOptions = {
  readonly socket: WebSocket;
  readonly live: Live;
  /** UTC ms. */
  readonly now: () => number;
};

/** The longest frame that a client may send. */
export const frameBytesMax = 4 * 1024;
/** Bytes that may be buffered in a socket; further messages wait in the client's outbox. */
const bufferedBytesMax = 256 * 1024;
const messagesPerBeatMax = 60;
/** How long a client may take over a close handshake. */
const closeMsMax = 2_000;

const close = { goingAway: 1001, badMessage: 4400, tooMany: 4429 } as const;

/** Serves the client until its socket closes. `topics` are those of `connection`. */
export function serveLiveSession(
  options: LiveSessionOptions,
  connection: LiveConnection,
  topics: readonly Topic[],
): void {
  new LiveSession(options, connection, topics).start();
}

class LiveSession {
  readonly #socket: WebSocket;
  readonly #live: Live;
  readonly #now: () => number;
  #connection: LiveConnection;
  #topics: ReadonlySet<Topic>;
  /** Whether the client has sent anything since the last heartbeat. */
  #isAlive = true;
  /** Messages received since the last heartbeat. */
  #received = 0;
  /** Changes of topics happen one after another. */
  #changing = Promise.resolve();

  constructor(
    { socket, live, now }: LiveSessionOptions,
    connection: LiveConnection,
    topics: readonly Topic[],
  ) {
    this.#socket = socket;
    this.#live = live;
    this.#now = now;
    this.#connection = connection;
    this.#topics = new Set(topics);
  }

  start(): void {
    const socket = this.#socket;
    const unwatch = this.#live.watch(
      () => this.#beat(),
      () => this.#end(close.goingAway, 'the gateway is shutting down'),
    );
    // After an error `close` follows.
    socket.on('error', () => undefined);
    socket.on('pong', () => {
      this.#isAlive = true;
    });
    socket.on('message', (data, isBinary) => this.#receive(isBinary ? null : data));
    socket.once('close', () => {
      unwatch();
      this.#connection.leave();
    });
    this.#use(this.#connection);
  }

  /** Sends what the outbox holds, as far as the socket has room. */
  #pump(): void {
    const socket = this.#socket;
    while (socket.readyState === socket.OPEN && socket.bufferedAmount < bufferedBytesMax) {
      const next = this.#connection.client.outbox.take();
      if (next === null) return;
      if (next.dropped > 0) socket.send(droppedText(next.dropped));
      socket.send(next.entry.text, () => this.#pump());
    }
  }

  #use(connection: LiveConnection): void {
    this.#connection = connection;
    connection.client.wake = () => this.#pump();
    this.#socket.send(connection.hello);
    this.#pump();
  }

  async #changeTopics(wanted: ReadonlySet<Topic>): Promise<void> {
    const socket = this.#socket;
    const since = this.#live.feed.id;
    this.#connection.leave();
    const added = [...wanted].filter((topic) => !this.#topics.has(topic));
    this.#topics = wanted;
    const next = await this.#live.open([...wanted], added.length === 0 ? since : null);
    if (socket.readyState !== socket.OPEN) next?.leave();
    else if (next === null) this.#end(close.goingAway, 'the live feed is at its client limit');
    else this.#use(next);
  }

  #receive(data: RawData | null): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#isAlive = true;
    this.#received += 1;
    if (this.#received > messagesPerBeatMax)
      return this.#end(
        close.tooMany,
        `more than ${messagesPerBeatMax} messages between two heartbeats`,
      );
    const message = data === null ? null : messageOf(data);
    if (message === null)
      return this.#end(
        close.badMessage,
        'expected {"type":"subscribe" or "unsubscribe","topics":[…]}',
      );
    if (message.type === 'heartbeat') return;
    const { type, topics: named } = message;
    this.#changing = this.#changing.then(() =>
      this.#changeTopics(
        new Set(
          type === 'subscribe'
            ? [...this.#topics, ...named]
            : [...this.#topics].filter((topic) => !named.includes(topic)),
        ),
      ),
    );
  }

  #beat(): void {
    const socket = this.#socket;
    if (!this.#isAlive) return socket.terminate();
    this.#isAlive = false;
    this.#received = 0;
    socket.ping();
    if (socket.bufferedAmount < bufferedBytesMax)
      socket.send(heartbeatText(this.#live.feed.id, this.#now()));
  }

  #end(code: number, reason: string): void {
    if (this.#socket.readyState === this.#socket.OPEN)
      closeWebSocket(this.#socket, code, reason, closeMsMax);
  }
}

function messageOf(data: RawData) {
  try {
    const parsed = clientMessageSchema.safeParse(JSON.parse(frameBytes(data).toString()));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
