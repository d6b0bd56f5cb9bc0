// Turns what happens in this gateway into live messages: figures every second, changes of health
// and runners at once, dead letters and samples up to a rate.

import { randomUUID } from 'node:crypto';
import { parseExactly } from '#core/event/exact-json.ts';
import type { Clock, DeadLetter, Delivery } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { Feed, type FeedClient, type Message } from './feed.ts';
import { helloText, type Topic } from './live-messages.ts';

export const heartbeatMs = 15_000;
const tickMs = 1_000;
/** Least time between two messages of one kind; those in between are counted in the next one. */
const eventMs = 100;
const sampleBytesMax = 16 * 1024;

const limits = {
  keptMax: 1_000,
  keptCharsMax: 2 ** 20,
  outbox: { entriesMax: 256, charsMax: 2 ** 20 },
};

/** A connected client, over WebSocket or server-sent events. */
export type LiveConnection = {
  /** The first message, which the caller sends at once. */
  readonly hello: string;
  readonly client: FeedClient;
  readonly leave: () => void;
};

/** A runner as `GET /runners` shows it. */
export type LiveRunner = { readonly id: string; readonly state: string };

/** The figures to publish, which are those of the API. */
export type LiveFigures = {
  readonly stats: () => Promise<unknown>;
  readonly health: () => Promise<unknown>;
  /** What keeps the gateway from working; health is published when it changes. */
  readonly causes: () => Promise<readonly unknown[]>;
  readonly runners: () => readonly LiveRunner[];
  /** Called when reading the figures has failed. Must not throw. */
  readonly onError: (error: unknown) => void;
};

export class Live {
  readonly feed: Feed;
  readonly #clock: Clock;
  readonly #onEnd = new Set<() => void>();
  readonly #onBeat = new Set<() => void>();
  readonly #stopped = new AbortController();
  readonly #paced = {
    dead_letter: { at: -Infinity, skipped: 0 },
    sample: { at: -Infinity, skipped: 0 },
  };
  #figures: LiveFigures | null = null;
  #runners = new Map<string, string>();

  constructor(clock: Clock, clientsMax: number) {
    this.#clock = clock;
    this.feed = new Feed({ run: randomUUID().slice(0, 8), clientsMax, ...limits });
  }

  /** Starts to publish; `close` stops it. */
  start(figures: LiveFigures): void {
    this.#figures = figures;
    void this.#publishFigures(figures);
  }

  /**
   * Connects a client. It gets snapshots of its topics, or what it has missed since the id `since`,
   * and then changes. `null` when the feed is at its client limit or closed.
   */
  async open(topics: readonly Topic[], since: string | null): Promise<LiveConnection | null> {
    if (this.feed.isFull || this.#stopped.signal.aborted) return null;
    const wanted = new Set(topics);
    const mark = since === null ? null : this.feed.markOf(since);
    const from = mark ?? this.feed.mark;
    const snapshots = await this.#snapshots(topics, mark !== null);
    // No await from here on: nothing is published in between, so no message is lost or duplicated.
    if (this.feed.isFull || this.#stopped.signal.aborted) return null;
    const client = this.feed.join(wanted);
    for (const message of snapshots) client.outbox.put(this.feed.snapshot(message));
    for (const entry of this.feed.missed(from, wanted)) client.outbox.put(entry);
    return {
      client,
      hello: helloText({ id: this.feed.id, topics, resumed: mark !== null, heartbeatMs }),
      leave: () => this.feed.leave(client),
    };
  }

  /**
   * Calls `onBeat` every 15 seconds and `onEnd` when the gateway stops. Returns a function that
   * ends both.
   */
  watch(onBeat: () => void, onEnd: () => void): () => void {
    this.#onBeat.add(onBeat);
    this.#onEnd.add(onEnd);
    return () => {
      this.#onBeat.delete(onBeat);
      this.#onEnd.delete(onEnd);
    };
  }

  close(): void {
    this.#stopped.abort();
    for (const onEnd of this.#onEnd) onEnd();
  }

  deadLettered({ id, reason, message, field, eventId, origin, failedAt }: DeadLetter): void {
    this.#event(
      'dead_letter',
      (skipped) => ({
        id,
        reason,
        message: message.slice(0, 500),
        field,
        event_id: eventId,
        origin,
        failed_at: new Date(failedAt).toISOString(),
        skipped,
      }),
      true,
    );
  }

  stored(latencySeconds: number, { value }: Delivery): void {
    if (value.length > sampleBytesMax || !this.feed.follows('sample')) return;
    this.#event(
      'sample',
      (skipped) => {
        const event = parseExactly(new TextDecoder().decode(value));
        return { event, latency_ms: Math.round(latencySeconds * 1000), skipped };
      },
      false,
    );
  }

  /** Takes all runners that are connected now, and publishes what has changed. */
  runnersChanged(views: readonly LiveRunner[]): void {
    const before = this.#runners;
    this.#runners = new Map(views.map(({ id, state }) => [id, state]));
    for (const view of views) {
      const change = !before.has(view.id)
        ? 'joined'
        : before.get(view.id) === view.state
          ? null
          : 'changed';
      if (change !== null)
        this.#publish(
          { topic: 'runner', key: `runner ${view.id}`, data: { change, runner: view } },
          true,
        );
    }
    for (const id of before.keys())
      if (!this.#runners.has(id))
        this.#publish(
          { topic: 'runner', key: `runner ${id}`, data: { change: 'left', runner: { id } } },
          true,
        );
  }

  #event(topic: 'dead_letter' | 'sample', data: (skipped: number) => unknown, keep: boolean): void {
    const pace = this.#paced[topic];
    const now = this.#clock.monotonic();
    if (now - pace.at < eventMs) {
      pace.skipped += 1;
      return;
    }
    const { skipped } = pace;
    pace.at = now;
    pace.skipped = 0;
    this.#publish({ topic, key: null, data: data(skipped) }, keep);
  }

  #publish(message: Omit<Message, 'at'>, keep: boolean): void {
    this.feed.publish({ ...message, at: this.#clock.now() }, keep);
  }

  async #snapshots(topics: readonly Topic[], resumed: boolean): Promise<readonly Message[]> {
    const figures = this.#figures;
    if (figures === null) return [];
    const at = this.#clock.now();
    const data: Partial<Record<Topic, () => Promise<unknown>>> = {
      stats: figures.stats,
      health: figures.health,
      // A client that reconnects gets the changes that it has missed instead.
      ...(!resumed && { runner: async () => ({ change: 'all', runners: figures.runners() }) }),
    };
    // A client whose snapshot cannot be made now follows without it.
    const made = await Promise.all(
      topics.map(async (topic) => ({
        topic,
        data: await data[topic]?.().catch((error: unknown) => {
          figures.onError(error);
        }),
      })),
    );
    return made
      .filter((message) => message.data !== undefined)
      .map((message) => ({
        ...message,
        at,
        key: message.topic === 'runner' ? null : message.topic,
      }));
  }

  async #publishFigures(figures: LiveFigures): Promise<void> {
    const { signal } = this.#stopped;
    let causes = '';
    let beatAt = this.#clock.monotonic();
    while (await rest(this.#clock, tickMs, signal)) {
      if (this.#clock.monotonic() - beatAt >= heartbeatMs) {
        beatAt = this.#clock.monotonic();
        for (const onBeat of this.#onBeat) onBeat();
      }
      try {
        if (this.feed.follows('stats'))
          this.#publish({ topic: 'stats', key: 'stats', data: await figures.stats() }, false);
        if (!this.feed.follows('health')) continue;
        const now = JSON.stringify(await figures.causes());
        if (now !== causes)
          this.#publish({ topic: 'health', key: 'health', data: await figures.health() }, false);
        causes = now;
      } catch (error) {
        figures.onError(error);
      }
    }
  }
}
