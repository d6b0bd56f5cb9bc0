// Hands every message to those who follow its topic, and keeps the latest for whoever comes back.

import type { Topic } from './live-messages.ts';
import { Outbox, type Entry, type OutboxLimits } from './outbox.ts';

export type FeedOptions = {
  /** Tells this run of the gateway from every other: ids of another run cannot be resumed from. */
  readonly run: string;
  /** Entries kept for clients that come back. */
  readonly keptMax: number;
  readonly keptCharsMax: number;
  readonly clientsMax: number;
  readonly outbox: OutboxLimits;
};

export type Message = {
  readonly topic: Topic;
  readonly data: unknown;
  /** UTC ms. */
  readonly at: number;
  /** Of what only the latest matters. */
  readonly key: string | null;
};

export type Client = {
  readonly outbox: Outbox;
  readonly topics: ReadonlySet<Topic>;
  /** Called after something was put into an empty outbox. */
  wake: () => void;
};

/** Pure: it is told what happened, and puts it into outboxes. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #clients = new Set<Client>();
  readonly #kept = new Map<number, Entry>();
  #keptChars = 0;
  #sequence = 0;
  /** Of the newest entry that is no longer kept. */
  #forgotten = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get run(): string {
    return this.#options.run;
  }

  /** Of the last message. */
  get id(): string {
    return `${this.#options.run}-${this.#sequence}`;
  }

  get isFull(): boolean {
    return this.#clients.size >= this.#options.clientsMax;
  }

  follows(topic: Topic): boolean {
    return [...this.#clients].some(({ topics }) => topics.has(topic));
  }

  /**
   * A snapshot replaces what is kept of its kind: it is not kept itself, as everyone who comes gets
   * a new one.
   */
  publish(message: Message, keep: boolean): void {
    const entry = this.#entry(message, false);
    if (keep) this.#keep(entry);
    for (const client of this.#clients)
      if (client.topics.has(message.topic)) deliver(client, entry);
  }

  /** An entry for one client, in the order of all. */
  snapshot(message: Message): Entry {
    return this.#entry(message, true);
  }

  /** A place in the feed: `missed` is given what was published after it. */
  get mark(): number {
    return this.#sequence;
  }

  /** The place that an id of this run names while nothing after it is forgotten; else `null`. */
  markOf(id: string): number | null {
    const dash = id.lastIndexOf('-');
    const sequence = Number(id.slice(dash + 1));
    if (id.slice(0, dash) !== this.#options.run || !/^\d{1,15}$/.test(id.slice(dash + 1)))
      return null;
    return sequence >= this.#forgotten && sequence <= this.#sequence ? sequence : null;
  }

  missed(mark: number, topics: ReadonlySet<Topic>): readonly Entry[] {
    return [...this.#kept.values()].filter(
      ({ sequence, topic }) => sequence > mark && [...topics].some((wanted) => wanted === topic),
    );
  }

  join(topics: ReadonlySet<Topic>): Client {
    const client: Client = {
      outbox: new Outbox(this.#options.outbox),
      topics,
      wake: () => undefined,
    };
    this.#clients.add(client);
    return client;
  }

  leave(client: Client): void {
    this.#clients.delete(client);
  }

  #entry({ topic, data, at, key }: Message, isSnapshot: boolean): Entry {
    const sequence = ++this.#sequence;
    const text = JSON.stringify({
      type: topic,
      id: `${this.#options.run}-${sequence}`,
      at: new Date(at).toISOString(),
      ...(isSnapshot && { snapshot: true }),
      data,
    });
    return { sequence, topic, key, text, isSnapshot };
  }

  #keep(entry: Entry): void {
    const { keptMax, keptCharsMax } = this.#options;
    this.#kept.set(entry.sequence, entry);
    this.#keptChars += entry.text.length;
    for (const [sequence, { text }] of this.#kept) {
      if (this.#kept.size <= keptMax && this.#keptChars <= keptCharsMax) return;
      this.#kept.delete(sequence);
      this.#keptChars -= text.length;
      this.#forgotten = sequence;
    }
  }
}

/** Puts it in, and wakes who waits for it. */
export function deliver(client: Client, entry: Entry): void {
  const wasEmpty = client.outbox.size === 0;
  client.outbox.put(entry);
  if (wasEmpty) client.wake();
}
