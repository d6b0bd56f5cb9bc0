// Computes quantiles of any number of durations in a few kilobytes, each within 2 % of the true
// value.

// The buckets of DDSketch (Masson, Rim, Lee, VLDB 2019): bucket i holds (γ^(i-1), γ^i], and its
// middle 2γ^i/(γ+1) is within α of everything in it when γ = (1+α)/(1-α).
const alpha = 0.02;
const gamma = (1 + alpha) / (1 - alpha);
const logGamma = Math.log(gamma);

/** Shorter durations count as this long; those over about 30 days go to the last bucket. */
const lowestMs = 0.01;
const bucketCount = 1 + Math.ceil(Math.log((30 * 86_400_000) / lowestMs) / logGamma);

export type LatencySummary = {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
};

export class LatencyHistogram {
  readonly #buckets = new Float64Array(bucketCount);
  #count = 0;
  #max = 0;

  /** Milliseconds; a negative duration (a clock that jumped) counts as none. */
  record(ms: number): void {
    const value = Math.max(ms, lowestMs);
    const index = Math.min(bucketCount - 1, Math.ceil(Math.log(value / lowestMs) / logGamma));
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count += 1;
    if (ms > this.#max) this.#max = ms;
  }

  /** How many durations were recorded. */
  get count(): number {
    return this.#count;
  }

  /** Records all durations of another histogram. */
  add(other: LatencyHistogram): void {
    if (other.#count === 0) return;
    for (let index = 0; index < bucketCount; index++)
      this.#buckets[index] = (this.#buckets[index] ?? 0) + (other.#buckets[index] ?? 0);
    this.#count += other.#count;
    this.#max = Math.max(this.#max, other.#max);
  }

  clear(): void {
    this.#buckets.fill(0);
    this.#count = 0;
    this.#max = 0;
  }

  /** The share `q` (0…1) of all durations is at or below this value; 0 while there are none. */
  quantile(q: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    // An iterator would make an array of each of the thousand buckets, for every quantile asked.
    for (let index = 0; index < bucketCount; index++) {
      seen += this.#buckets[index] ?? 0;
      if (seen >= rank) return Math.min(this.#max, (2 * lowestMs * gamma ** index) / (gamma + 1));
    }
    return this.#max;
  }

  summary(): LatencySummary {
    return {
      p50: this.quantile(0.5),
      p95: this.quantile(0.95),
      p99: this.quantile(0.99),
      max: this.#max,
    };
  }
}

/** Durations since the start, and since they were last taken. */
export class RecordedLatencies {
  readonly #all = new LatencyHistogram();
  #since = new LatencyHistogram();

  record(ms: number): void {
    this.#all.record(ms);
    this.#since.record(ms);
  }

  /** A summary of all durations. */
  summary(): LatencySummary {
    return this.#all.summary();
  }

  /** The durations since the last call. */
  take(): LatencyHistogram {
    const taken = this.#since;
    this.#since = new LatencyHistogram();
    return taken;
  }
}
