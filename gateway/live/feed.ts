// Delivers every message to the clients that follow its topic, and keeps the latest ones for
// clients that reconnect.

import type { Topic } from './live-messages.ts';
import { Outbox, type Entry, type OutboxLimits } from './outbox.ts';

export type FeedOptions = {
  /** Identifies this run of the gateway: a client cannot resume from an id of another run. */
  readonly run: string;
  /** Entries kept for clients that reconnect, and their characters. */
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
  /** Only the latest message with the same key matters; `null`: every message matters. */
  readonly key: string | null;
};

export type FeedClient = {
  readonly outbox: Outbox;
  readonly topics: ReadonlySet<Topic>;
  /** Called after something was put into an empty outbox. */
  wake: () => void;
};

/** Does no I/O: it turns messages into entries and puts them into outboxes. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #clients = new Set<FeedClient>();
  /** Entries by sequence, oldest first. */
  readonly #kept = new Map<number, Entry>();
  #keptChars = 0;
  #sequence = 0;
  /** Sequence of the newest entry that is no longer kept. */
  #dropped = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get run(): string {
    return this.#options.run;
  }

  /** The id of the last message. */
  get id(): string {
    return `${this.#options.run}-${this.#sequence}`;
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  get isFull(): boolean {
    return this.#clients.size >= this.#options.clientsMax;
  }

  /** Whether any client follows this topic. */
  follows(topic: Topic): boolean {
    return [...this.#clients].some(({ topics }) => topics.has(topic));
  }

  /** `keep`: clients that reconnect get this message. For figures they get a snapshot instead. */
  publish(message: Message, keep: boolean): void {
    const entry = this.#entry(message, false);
    if (keep) this.#keep(entry);
    for (const client of this.#clients)
      if (client.topics.has(message.topic)) deliver(client, entry);
  }

  /** Makes an entry for one client, with an id in the order of all messages. */
  snapshot(message: Message): Entry {
    return this.#entry(message, true);
  }

  /** The position after the last message, for `missed`. */
  get mark(): number {
    return this.#sequence;
  }

  /** The position of an id; `null` for another run's id, or when a later entry was dropped. */
  markOf(id: string): number | null {
    const dash = id.lastIndexOf('-');
    const sequence = Number(id.slice(dash + 1));
    if (id.slice(0, dash) !== this.#options.run || !/^\d{1,15}$/.test(id.slice(dash + 1)))
      return null;
    return sequence >= this.#dropped && sequence <= this.#sequence ? sequence : null;
  }

  /** The kept entries of these topics that were published after `mark`. */
  missed(mark: number, topics: ReadonlySet<Topic>): readonly Entry[] {
    return [...this.#kept.values()].filter(
      ({ sequence, topic }) => sequence > mark && [...topics].some((wanted) => wanted === topic),
    );
  }

  join(topics: ReadonlySet<Topic>): FeedClient {
    const client: FeedClient = {
      outbox: new Outbox(this.#options.outbox),
      topics,
      wake: () => undefined,
    };
    this.#clients.add(client);
    return client;
  }

  leave(client: FeedClient): void {
    this.#clients.delete(client);
  }

  /** Forgets the kept entries: a client that reconnects starts again. */
  clear(): void {
    this.#kept.clear();
    this.#keptChars = 0;
    this.#dropped = this.#sequence;
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
      this.#dropped = sequence;
    }
  }
}

/** Puts an entry into the client's outbox, and wakes the client if that was empty. */
function deliver(client: FeedClient, entry: Entry): void {
  const wasEmpty = client.outbox.size === 0;
  client.outbox.put(entry);
  if (wasEmpty) client.wake();
}
