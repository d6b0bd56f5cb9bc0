// The body of one client of GET /sse/events: it sends what the client takes, and ends when the
// client stops reading or the gateway stops.

import type { Clock } from '#core/ports.ts';
import { droppedText, heartbeatText } from '../../live/live-messages.ts';
import type { Live, LiveConnection } from '../../live/live.ts';

const encoder = new TextEncoder();

export class LiveEventStream {
  readonly #live: Live;
  readonly #connection: LiveConnection;
  readonly #clock: Clock;
  readonly #unwatch: () => void;
  #isHeartbeatDue = false;
  #isEnded = false;
  #woken = Promise.withResolvers<void>();

  /** @param disconnect closes the connection of a client that no longer reads. */
  constructor(live: Live, connection: LiveConnection, clock: Clock, disconnect: () => void) {
    this.#live = live;
    this.#connection = connection;
    this.#clock = clock;
    this.#unwatch = live.watch(
      () => {
        // The last heartbeat was not sent, so the client does not read.
        if (this.#isHeartbeatDue) {
          this.#leave();
          disconnect();
          return;
        }
        this.#isHeartbeatDue = true;
        this.#woken.resolve();
      },
      () => {
        this.#isEnded = true;
        this.#woken.resolve();
      },
    );
    connection.client.wake = () => this.#woken.resolve();
  }

  body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { hello } = this.#connection;
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) =>
          controller.enqueue(encoder.encode(`retry: 2000\n\nevent: hello\ndata: ${hello}\n\n`)),
        // Called when the client takes more; until then its messages wait in its bounded outbox.
        pull: async (controller) => {
          const text = await this.#next();
          if (text === null) controller.close();
          else controller.enqueue(encoder.encode(text));
        },
        cancel: () => this.#leave(),
      },
      { highWaterMark: 1 },
    );
  }

  /** Waits for the next message or heartbeat; `null` at the end. */
  async #next(): Promise<string | null> {
    for (;;) {
      if (this.#isEnded) {
        this.#leave();
        return null;
      }
      const message = this.#takeMessage();
      if (message !== null) return message;
      if (this.#isHeartbeatDue) {
        this.#isHeartbeatDue = false;
        const heartbeat = heartbeatText(this.#live.feed.id, this.#clock.now());
        return `event: heartbeat\ndata: ${heartbeat}\n\n`;
      }
      await this.#woken.promise;
      this.#woken = Promise.withResolvers();
    }
  }

  #takeMessage(): string | null {
    const next = this.#connection.client.outbox.take();
    if (next === null) return null;
    const { entry, dropped } = next;
    const lost = dropped > 0 ? `event: dropped\ndata: ${droppedText(dropped)}\n\n` : '';
    // A client cannot resume after a snapshot, because older changes may follow it.
    const id = entry.isSnapshot ? '' : `id: ${this.#live.feed.run}-${entry.sequence}\n`;
    return `${lost}${id}event: ${entry.topic}\ndata: ${entry.text}\n\n`;
  }

  #leave(): void {
    this.#unwatch();
    this.#connection.leave();
  }
}
