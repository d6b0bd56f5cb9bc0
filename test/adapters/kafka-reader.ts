// Pulls from a source continuously, as the pipeline does, and records what it delivers.

import type { Delivery, EventSource, Position } from '#core/ports.ts';

export const placeOf = ({ partition, offset }: Position): string => `${partition}:${offset}`;
export const stored = { status: 'stored' } as const;

export class KafkaReader {
  readonly source: EventSource;
  readonly delivered: Delivery[] = [];
  /** Whether deliveries are settled at once. */
  settles: boolean;
  readonly #abort = new AbortController();
  /** Rejects with the error of the source. */
  readonly finished: Promise<void>;

  constructor(source: EventSource, settles: boolean) {
    this.source = source;
    this.settles = settles;
    this.finished = this.#read();
    this.finished.catch(() => undefined);
  }

  async #read(): Promise<void> {
    for await (const batch of this.source.deliveries(this.#abort.signal)) {
      this.delivered.push(...batch);
      if (this.settles) for (const delivery of batch) delivery.settle(stored);
    }
  }

  places(): readonly string[] {
    return this.delivered.map(({ position }) => placeOf(position));
  }

  /** The lag of all partitions that the source holds. */
  async lag(): Promise<number> {
    return (await this.source.lag()).reduce((sum, { lag }) => sum + lag, 0);
  }

  async partitions(): Promise<readonly number[]> {
    return (await this.source.lag()).map(({ partition }) => partition).toSorted((a, b) => a - b);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.finished.catch(() => undefined);
    await this.source[Symbol.asyncDispose]();
  }
}
