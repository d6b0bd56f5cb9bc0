// Keeps the figures of the last day in bounded memory: every second of five minutes, and longer
// steps for the hours before.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import { assert } from '#core/errors/assert.ts';
import { LatencyHistogram, type LatencySummary } from './latency-histogram.ts';

/** What happened in a time, and what was waiting at its end. */
export type Counts = {
  readonly received: number;
  readonly stored: number;
  readonly deadLettered: number;
  /** Texts. */
  readonly embedded: number;
};
type Latency = Pick<LatencySummary, 'p50' | 'p95' | 'p99'>;
export type Step = Counts & {
  /** `null`: nothing was stored. */
  readonly latency: Latency | null;
  /** Records in the log after the last commit; `null`: not known. */
  readonly lag: number | null;
};

/** Steps, each with its start in UTC ms and its figures. */
export type SavedSteps = readonly (readonly [number, Step])[];
/** Steps by their length in ms. */
export type SavedHistory = Readonly<Record<string, SavedSteps>>;

export const tickMs = 1000;
/** 5 minutes, 1 hour and 24 hours. */
const resolutions = [
  { stepMs: tickMs, steps: 300 },
  { stepMs: 15_000, steps: 240 },
  { stepMs: 180_000, steps: 480 },
] as const;
const lastMinuteTicks = 60;

/** Pure: `add` is called about once a second. */
export class FigureHistory {
  readonly #tiers = resolutions.map(({ stepMs, steps }) => new Tier(stepMs, steps));
  /** Latencies of the last minute, one for each tick, oldest first. */
  readonly #recent: LatencyHistogram[] = [];

  /**
   * @param at end of the tick: UTC ms, a whole second
   * @param counts what happened since the tick before
   */
  add(at: number, counts: Counts, latencies: LatencyHistogram, lag: number | null): void {
    for (const tier of this.#tiers) tier.add(at, counts, latencies, lag);
    this.#recent.push(latencies);
    if (this.#recent.length > lastMinuteTicks) this.#recent.shift();
  }

  /**
   * The finest steps that reach back that far, and complete at `now` (UTC ms); `null` for a step
   * without figures.
   */
  last(
    seconds: number,
    now: number,
  ): { readonly from: number; readonly stepMs: number; readonly steps: readonly (Step | null)[] } {
    const tier = this.#tiers.find(({ reachMs }) => reachMs >= seconds * 1000) ?? this.#tiers.at(-1);
    assert(tier !== undefined, 'The history of figures has no resolution');
    const { stepMs } = tier;
    const end = Math.floor(now / stepMs) * stepMs;
    const from = end - Math.ceil((seconds * 1000) / stepMs) * stepMs;
    const count = (end - from) / stepMs;
    return {
      from,
      stepMs,
      steps: Array.from({ length: count }, (_, index) => tier.at(from + index * stepMs)),
    };
  }

  /** Latency of the events stored in the last minute; `null` when there was none. */
  lastMinute(): Latency | null {
    const all = new LatencyHistogram();
    for (const latencies of this.#recent) all.add(latencies);
    return latencyOf(all);
  }

  save(): SavedHistory {
    return Object.fromEntries(this.#tiers.map((tier) => [tier.stepMs, tier.save()]));
  }

  restore(saved: SavedHistory): void {
    for (const tier of this.#tiers) tier.restore(saved[tier.stepMs] ?? []);
  }
}

/** The steps of one length, each a sum of ticks. */
class Tier {
  readonly stepMs: number;
  readonly reachMs: number;
  readonly #steps;
  readonly #latencies = new LatencyHistogram();
  #open: (Step & { readonly at: number }) | null = null;

  constructor(stepMs: number, steps: number) {
    this.stepMs = stepMs;
    this.reachMs = stepMs * steps;
    this.#steps = new BoundedMap<number, Step>(() => steps);
  }

  add(at: number, counts: Counts, latencies: LatencyHistogram, lag: number | null): void {
    const start = Math.floor((at - tickMs) / this.stepMs) * this.stepMs;
    if (this.#open !== null && this.#open.at !== start) this.#close(this.#open);
    const open = this.#open ?? { at: start, ...nothing };
    this.#latencies.add(latencies);
    this.#open = {
      at: start,
      received: open.received + counts.received,
      stored: open.stored + counts.stored,
      deadLettered: open.deadLettered + counts.deadLettered,
      embedded: open.embedded + counts.embedded,
      latency: null,
      lag,
    };
    // Complete with this tick, not only with the next one.
    if (at >= start + this.stepMs) this.#close(this.#open);
  }

  at(start: number): Step | null {
    return this.#steps.get(start) ?? null;
  }

  save(): SavedSteps {
    return [...this.#steps];
  }

  restore(saved: SavedSteps): void {
    for (const [at, step] of saved) this.#steps.set(at, step);
  }

  #close({ at, ...step }: Step & { readonly at: number }): void {
    this.#steps.set(at, { ...step, latency: latencyOf(this.#latencies) });
    this.#latencies.clear();
    this.#open = null;
  }
}

export const nothing: Step = {
  received: 0,
  stored: 0,
  deadLettered: 0,
  embedded: 0,
  latency: null,
  lag: null,
};

function latencyOf(histogram: LatencyHistogram): Latency | null {
  if (histogram.count === 0) return null;
  const { p50, p95, p99 } = histogram.summary();
  return { p50: tenths(p50), p95: tenths(p95), p99: tenths(p99) };
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;
