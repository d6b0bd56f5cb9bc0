// Knows how far the partitions of some topics have been read, and waits until they are read as far
// as an answer requires.

import type { Clock } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';

export class TopicProgress {
  readonly #clock: Clock;
  /** Offsets by topic and partition: the one to read next, and in `#required` the one to reach. */
  readonly #next = new Map<string, number>();
  readonly #required = new Map<string, number>();
  #isStarted = false;
  #change = Promise.withResolvers<void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Everything that was in the topics at the start is required now. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  start(): void {
    this.#isStarted = true;
    this.#changed();
  }

  /** The offset to read next; `null` while nothing of the partition was read. */
  next(topic: string, partition: number): number | null {
    return this.#next.get(keyOf(topic, partition)) ?? null;
  }

  /** Everything below `next` has been read. */
  advance(topic: string, partition: number, next: number): void {
    this.#next.set(keyOf(topic, partition), next);
    this.#changed();
  }

  /** Makes every later answer require that everything below `next` has been read. */
  require(topic: string, partition: number, next: number): void {
    const key = keyOf(topic, partition);
    this.#required.set(key, Math.max(this.#required.get(key) ?? 0, next));
  }

  isUpToDate(): boolean {
    return (
      this.#isStarted &&
      this.#required.entries().every(([key, next]) => (this.#next.get(key) ?? 0) >= next)
    );
  }

  /** Waits for at most `msMax`. Resolves with whether everything required has been read. */
  async upToDate(msMax: number): Promise<boolean> {
    const deadline = this.#clock.monotonic() + msMax;
    while (!this.isUpToDate()) {
      const ms = deadline - this.#clock.monotonic();
      if (ms <= 0) return false;
      await within(this.#change.promise, { ms, clock: this.#clock, late: () => undefined });
    }
    return true;
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;
