// Counts what happens: one method per business event, each feeding the Prometheus series and the
// totals of /stats at once.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { runnerStates } from '#core/fleet/runner-state.ts';
import { devices } from '#core/model/model-manifest.ts';
import {
  deadLetterReasons,
  deadLetterStates,
  type DeadLetterReason,
  type DeadLetterState,
  type PartitionLag,
} from '#core/ports.ts';
import { crossCheckResults, type CrossCheckResult } from '#core/trust/agreement.ts';
import { LatencyHistogram, type LatencySummary } from './latency-histogram.ts';

const cacheResults = ['hit', 'shared', 'store', 'miss'] as const;
export type CacheResult = (typeof cacheResults)[number];

/** As `circuit_state` shows them: the index is the gauge's value. */
export const circuitStates = ['closed', 'half-open', 'open'] as const;
type CircuitState = (typeof circuitStates)[number];
/** As the pipeline names them. */
const dependencies = ['store', 'dead_letters', 'other'] as const;
/** What people do with dead letters. */
const deadLetterActions = ['replayed', 'refused', 'purged', 'added'] as const;

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Totals since this gateway started. */
export type Totals = {
  readonly received: number;
  readonly stored: number;
  readonly superseded: number;
  readonly deadLettered: number;
  /** Texts. */
  readonly embedded: number;
  readonly cache: Readonly<Record<CacheResult, number>>;
};

/** What only the moment of the question can tell. */
export type Gauges = {
  /** `null`: not known. */
  readonly lag: readonly PartitionLag[] | null;
  readonly unsettled: number;
  readonly runners: readonly { readonly device: string; readonly state: string }[];
  readonly deadLetters: Readonly<Record<DeadLetterState, number>> | null;
};

export class Telemetry {
  /** The last golden check of any runner, passed or not; `at`: UTC ms. */
  lastCheck: { readonly device: string; readonly cosine: number; readonly at: number } | null =
    null;
  readonly #circuitStates = new Map<string, CircuitState>();
  readonly #registry = new Registry();
  readonly #latency = new LatencyHistogram();
  readonly #totals = {
    received: 0,
    stored: 0,
    superseded: 0,
    deadLettered: 0,
    embedded: 0,
    cache: { hit: 0, shared: 0, store: 0, miss: 0 },
  };

  readonly #received = this.#counter('events_received_total', 'Events taken from the source.', []);
  readonly #stored = this.#counter(
    'events_stored_total',
    'Events applied in the store; superseded ones count.',
    [],
  );
  readonly #deadLettered = this.#counter(
    'events_dead_lettered_total',
    'Events put into the dead-letter queue.',
    ['reason'],
  );
  readonly #embedded = this.#counter('texts_embedded_total', 'Texts that runners embedded.', [
    'device',
  ]);
  readonly #cache = this.#counter(
    'cache_requests_total',
    'Texts asked of the cache: hit (known here), shared (in flight), store (known there), miss (a runner embeds it).',
    ['result'],
  );
  readonly #requeued = this.#counter(
    'jobs_requeued_total',
    'Embedding jobs given to another runner because theirs was lost.',
    [],
  );
  readonly #late = this.#counter(
    'late_answers_total',
    "Answers to jobs that were no longer their runner's; ignored.",
    [],
  );
  readonly #quarantines = this.#counter('runners_quarantined_total', 'Runners found wrong.', [
    'device',
  ]);
  readonly #crossChecks = this.#counter(
    'cross_checks_total',
    "Samples of untrusted runners' work that a trusted one embedded again; dropped ones found none in time.",
    ['result'],
  );
  readonly #repaired = this.#counter(
    'texts_repaired_total',
    'Texts embedded again because their runner was wrong, or nobody had checked it.',
    [],
  );
  readonly #retries = this.#counter(
    'retries_total',
    'Calls repeated because a dependency failed.',
    ['dependency'],
  );
  readonly #searchable = this.#histogram(
    'event_to_searchable_seconds',
    "From the record's timestamp to applied in the store.",
    [],
  );
  readonly #jobSeconds = this.#histogram(
    'embedding_job_seconds',
    'From handing a job to a runner to its answer.',
    ['device'],
  );
  readonly #writeSeconds = this.#histogram(
    'store_write_seconds',
    'One write call to the store.',
    [],
  );
  readonly #lag = this.#gauge('consumer_lag', 'Records in the log after the last commit.', [
    'partition',
  ]);
  readonly #unsettled = this.#gauge(
    'unsettled_events',
    'Events delivered and not yet settled.',
    [],
  );
  readonly #runners = this.#gauge(
    'runner_count',
    'Connected runners, and those quarantined a while ago.',
    ['device', 'state'],
  );
  readonly #cosine = this.#gauge(
    'runner_reference_cosine',
    'Mean cosine to the reference in the last golden check of a runner of this device; 0 before the first.',
    ['device'],
  );
  readonly #circuits = this.#gauge('circuit_state', '0 closed, 1 half-open, 2 open.', [
    'dependency',
  ]);
  readonly #deadLetterActions = this.#counter(
    'dead_letter_actions_total',
    'Dead letters that were put back into the source, refused to be, purged, or added by hand.',
    ['action'],
  );
  readonly #letters = this.#gauge('dead_letters', 'Dead letters by state.', ['state']);

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const reason of deadLetterReasons) this.#deadLettered.inc({ reason }, 0);
    for (const result of cacheResults) this.#cache.inc({ result }, 0);
    for (const result of crossCheckResults) this.#crossChecks.inc({ result }, 0);
    for (const dependency of dependencies) {
      this.#retries.inc({ dependency }, 0);
      this.#circuits.set({ dependency }, 0);
    }
    for (const device of devices) {
      this.#embedded.inc({ device }, 0);
      this.#quarantines.inc({ device }, 0);
      this.#jobSeconds.zero({ device });
      this.#cosine.set({ device }, 0);
    }
    this.#setRunners([]);
    for (const state of deadLetterStates) this.#letters.set({ state }, 0);
    for (const action of deadLetterActions) this.#deadLetterActions.inc({ action }, 0);
  }

  received(count: number): void {
    this.#received.inc(count);
    this.#totals.received += count;
  }

  stored(latencySeconds: number): void {
    this.#stored.inc();
    this.#searchable.observe(Math.max(0, latencySeconds));
    this.#latency.record(latencySeconds * 1000);
    this.#totals.stored += 1;
  }

  /** Besides `stored`: of those, this one was there already. */
  superseded(): void {
    this.#totals.superseded += 1;
  }

  deadLettered({ reason }: { readonly reason: DeadLetterReason }): void {
    this.#deadLettered.inc({ reason });
    this.#totals.deadLettered += 1;
  }

  deadLetterAction(action: (typeof deadLetterActions)[number], count: number): void {
    this.#deadLetterActions.inc({ action }, count);
  }

  cacheRequest(result: CacheResult): void {
    this.#cache.inc({ result });
    this.#totals.cache[result] += 1;
  }

  retried(dependency: string): void {
    this.#retries.inc({ dependency: bounded(dependencies, dependency, 'other') });
  }

  circuit(dependency: string, state: CircuitState): void {
    this.#circuitStates.set(dependency, state);
    this.#circuits.set(
      { dependency: bounded(dependencies, dependency, 'other') },
      circuitStates.indexOf(state),
    );
  }

  circuitOf(dependency: (typeof dependencies)[number]): CircuitState {
    return this.#circuitStates.get(dependency) ?? 'closed';
  }

  storeWrite(seconds: number): void {
    this.#writeSeconds.observe(seconds);
  }

  /** A runner answered a job; `texts` of it were embedded. */
  job(device: string, seconds: number, texts: number): void {
    const label = bounded<string>(devices, device, 'cpu');
    this.#jobSeconds.observe({ device: label }, seconds);
    this.#embedded.inc({ device: label }, texts);
    this.#totals.embedded += texts;
  }

  requeued(jobs: number): void {
    this.#requeued.inc(jobs);
  }

  lateAnswer(): void {
    this.#late.inc();
  }

  quarantined(device: string): void {
    this.#quarantines.inc({ device: bounded<string>(devices, device, 'cpu') });
  }

  crossCheck(result: CrossCheckResult): void {
    this.#crossChecks.inc({ result });
  }

  repaired(texts: number): void {
    this.#repaired.inc(texts);
  }

  golden(device: string, meanCosine: number): void {
    this.lastCheck = {
      device,
      cosine: Number.isFinite(meanCosine) ? meanCosine : 0,
      at: Date.now(),
    };
    this.#cosine.set(
      { device: bounded<string>(devices, device, 'cpu') },
      Number.isFinite(meanCosine) ? meanCosine : 0,
    );
  }

  totals(): Totals {
    return { ...this.#totals, cache: { ...this.#totals.cache } };
  }

  latency(): LatencySummary {
    return this.#latency.summary();
  }

  /** The text of `GET /metrics`. */
  async exposition(
    gauges: Gauges,
  ): Promise<{ readonly contentType: string; readonly body: string }> {
    if (gauges.lag !== null) this.#lag.reset();
    for (const { partition, lag } of gauges.lag ?? [])
      this.#lag.set({ partition: String(partition) }, lag);
    this.#unsettled.set(gauges.unsettled);
    this.#setRunners(gauges.runners);
    if (gauges.deadLetters !== null)
      for (const state of deadLetterStates) this.#letters.set({ state }, gauges.deadLetters[state]);
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #setRunners(runners: Gauges['runners']): void {
    for (const device of devices) {
      for (const state of runnerStates) {
        this.#runners.set(
          { device, state },
          runners.filter((runner) => runner.device === device && runner.state === state).length,
        );
      }
    }
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({
      name: `vectorstream_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({
      name: `vectorstream_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> {
    return new Histogram({
      name: `vectorstream_${name}`,
      help,
      labelNames: [...labelNames],
      buckets: secondsBuckets,
      registers: [this.#registry],
    });
  }
}

/** A label takes a value of its list only: series must not grow with what a peer sends. */
function bounded<V extends string>(values: readonly V[], value: string, otherwise: V): V {
  return values.find((candidate) => candidate === value) ?? otherwise;
}
