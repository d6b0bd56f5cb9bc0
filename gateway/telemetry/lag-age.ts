// Measures in time how far a gateway is behind its source: the age of the newest record that it has
// processed, for as long as it has not caught up.

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
