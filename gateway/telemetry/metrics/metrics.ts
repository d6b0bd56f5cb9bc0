// Counts what happens: one method per event, which updates the Prometheus series and the totals of
// /stats together.

import { collectDefaultMetrics } from 'prom-client';
import { BoundedMap } from '#core/collections/bounded-map.ts';
import { devices } from '#core/model/model-manifest.ts';
import { deadLetterReasons, type DeadLetterReason } from '#core/ports.ts';
import { crossCheckResults, type CrossCheckResult } from '#core/trust/agreement.ts';
import { LagAges } from '../lag-age.ts';
import { RecordedLatencies } from '../latency-histogram.ts';
import { AttributionSeries } from './attribution-series.ts';
import { bounded, MetricSeries } from './metric-series.ts';
import { RecordSeries } from './record-series.ts';
import { RequestSeries } from './request-series.ts';
import { type ScrapedGauges, ScrapedSeries } from './scraped-gauges.ts';

const cacheResults = ['hit', 'shared', 'store', 'miss'] as const;
export type CacheResult = (typeof cacheResults)[number];

/** The states in the order of `circuit_state`: the index is the gauge's value. */
export const circuitStates = ['closed', 'half-open', 'open'] as const;
type CircuitState = (typeof circuitStates)[number];
const dependencies = ['store', 'dead_letters', 'schema_registry', 'sink', 'other'] as const;
const deadLetterActions = ['replayed', 'refused', 'purged', 'added'] as const;

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

/** `at`: UTC ms. */
type GoldenCheck = { readonly device: string; readonly cosine: number; readonly at: number };
const checksMax = 256;

export class Telemetry {
  /** The last golden check of each runner session that was not quarantined since, oldest first. */
  readonly #checks = new BoundedMap<string, GoldenCheck>(() => checksMax);
  readonly #circuitStates = new Map<string, CircuitState>();
  readonly #series = new MetricSeries();
  readonly latencies = new RecordedLatencies();
  readonly #totals = {
    received: 0,
    stored: 0,
    superseded: 0,
    deadLettered: 0,
    embedded: 0,
    cache: { hit: 0, shared: 0, store: 0, miss: 0 },
  };

  readonly #received = this.#series.counter(
    'events_received_total',
    'Events taken from the source.',
    [],
  );
  readonly #stored = this.#series.counter(
    'events_stored_total',
    'Events applied in the store, superseded ones included.',
    [],
  );
  readonly erased = this.#series.counter(
    'events_erased_total',
    'Events that were erased or deleted before, and came again.',
    [],
  );
  readonly #deadLettered = this.#series.counter(
    'events_dead_lettered_total',
    'Events put into the dead-letter queue.',
    ['reason'],
  );
  readonly #embedded = this.#series.counter(
    'texts_embedded_total',
    'Texts that runners embedded.',
    ['device'],
  );
  readonly #cache = this.#series.counter(
    'cache_requests_total',
    'Texts looked up: hit (cached), shared (in flight), store (found), miss (a runner embeds it).',
    ['result'],
  );
  readonly #requeued = this.#series.counter(
    'jobs_requeued_total',
    'Embedding jobs requeued because their runner was lost.',
    [],
  );
  readonly #late = this.#series.counter(
    'late_answers_total',
    'Answers that came after the job was taken from the runner; ignored.',
    [],
  );
  readonly #quarantines = this.#series.counter(
    'runners_quarantined_total',
    'Quarantined runners.',
    ['device'],
  );
  readonly #crossChecks = this.#series.counter(
    'cross_checks_total',
    "Samples of untrusted runners' work, re-embedded by a trusted one; dropped if none was " +
      'free in time.',
    ['result'],
  );
  readonly #repaired = this.#series.counter(
    'texts_repaired_total',
    'Texts re-embedded because their runner was wrong or was never checked.',
    [],
  );
  readonly #repairRefused = this.#series.counter(
    'repair_texts_refused_total',
    'Re-embedded texts whose new vector the store refuses; each is counted once.',
    [],
  );
  readonly #retries = this.#series.counter(
    'retries_total',
    'Calls repeated because a dependency failed.',
    ['dependency'],
  );
  readonly #searchable = this.#series.histogram(
    'event_to_searchable_seconds',
    "From the record's timestamp to applied in the store.",
    [],
  );
  readonly #jobSeconds = this.#series.histogram(
    'embedding_job_seconds',
    'From handing a job to a runner to its answer.',
    ['device'],
  );
  readonly #writeSeconds = this.#series.histogram(
    'store_write_seconds',
    'One write call to the store.',
    [],
  );
  readonly #scraped = new ScrapedSeries(this.#series);
  readonly records = new RecordSeries(this.#series);
  readonly requests = new RequestSeries(this.#series);
  readonly attribution = new AttributionSeries(this.#series);
  readonly lagAges = new LagAges();
  readonly #cosine = this.#series.gauge(
    'runner_reference_cosine',
    'Mean cosine to the reference at the last golden check on this device; 0 before the first.',
    ['device'],
  );
  readonly #circuits = this.#series.gauge('circuit_state', '0 closed, 1 half-open, 2 open.', [
    'dependency',
  ]);
  readonly #deadLetterActions = this.#series.counter(
    'dead_letter_actions_total',
    'Dead letters that were replayed, refused a replay, purged, or added by hand.',
    ['action'],
  );

  constructor() {
    collectDefaultMetrics({ register: this.#series.registry });
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
    for (const action of deadLetterActions) this.#deadLetterActions.inc({ action }, 0);
  }

  received(count: number): void {
    this.#received.inc(count);
    this.#totals.received += count;
  }

  stored(latencySeconds: number): void {
    this.#stored.inc();
    this.#searchable.observe(Math.max(0, latencySeconds));
    this.latencies.record(latencySeconds * 1000);
    this.#totals.stored += 1;
  }

  superseded(): void {
    // Such an event counts in `stored` too: it was already stored.
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

  quarantined(device: string, runnerSession: string): void {
    this.#checks.delete(runnerSession);
    this.#quarantines.inc({ device: bounded<string>(devices, device, 'cpu') });
  }

  crossCheck(result: CrossCheckResult): void {
    this.#crossChecks.inc({ result });
  }

  repaired(texts: number): void {
    this.#repaired.inc(texts);
  }

  repairRefused(): void {
    this.#repairRefused.inc();
  }

  /** The last golden check of any runner, except quarantined ones. */
  get lastCheck(): GoldenCheck | null {
    return [...this.#checks.values()].at(-1) ?? null;
  }

  golden(device: string, meanCosine: number, runnerSession: string): void {
    const cosine = Number.isFinite(meanCosine) ? meanCosine : 0;
    this.#checks.set(runnerSession, { device, cosine, at: Date.now() });
    this.#cosine.set({ device: bounded<string>(devices, device, 'cpu') }, cosine);
  }

  totals(): Totals {
    return { ...this.#totals, cache: { ...this.#totals.cache } };
  }

  /** The text of `GET /metrics`. */
  async exposition(
    gauges: ScrapedGauges,
  ): Promise<{ readonly contentType: string; readonly body: string }> {
    this.#scraped.set(gauges);
    const { registry } = this.#series;
    return { contentType: registry.contentType, body: await registry.metrics() };
  }
}
