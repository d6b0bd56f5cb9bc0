// Measures in time how far a gateway is behind its source: the age of the newest record that it has
// processed, for as long as it has not caught up.

import type { PartitionLag } from '#core/ports.ts';

export class LagAge {
  #reachedAt: number | null = null;
  #caughtUpAt: number | null = null;

  /** A record with this timestamp (UTC ms) was stored. */
  reached(timestamp: number): void {
    if (this.#reachedAt === null || timestamp > this.#reachedAt) this.#reachedAt = timestamp;
  }

  /**
   * @param lag records that wait; `null` while it is not known
   * @param now UTC ms
   * @returns `null` while it is not known
   */
  seconds(lag: number | null, now: number): number | null {
    if (lag === null) return null;
    if (lag === 0) {
      this.#caughtUpAt = now;
      return 0;
    }
    // After a quiet hour, the last record is an hour old and the next one is not late.
    const since = [this.#reachedAt, this.#caughtUpAt].filter((at) => at !== null);
    return since.length === 0 ? null : Math.max(0, (now - Math.max(...since)) / 1000);
  }
}

export type TopicLag = {
  readonly topic: string;
  readonly lag: number;
  /** `null` while it is not known. */
  readonly seconds: number | null;
};

/** Each topic has a pace of its own. */
export class LagAges {
  readonly #byTopic = new Map<string, LagAge>();

  /** A record of the topic with this timestamp (UTC ms) was stored. */
  reached(topic: string, timestamp: number): void {
    this.#of(topic).reached(timestamp);
  }

  /** @param now UTC ms */
  lags(partitions: readonly PartitionLag[], now: number): readonly TopicLag[] {
    return [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, held]) => {
      const lag = held.reduce((sum, each) => sum + each.lag, 0);
      return { topic, lag, seconds: this.#of(topic).seconds(lag, now) };
    });
  }

  #of(topic: string): LagAge {
    const known = this.#byTopic.get(topic);
    if (known !== undefined) return known;
    const fresh = new LagAge();
    this.#byTopic.set(topic, fresh);
    return fresh;
  }
}
