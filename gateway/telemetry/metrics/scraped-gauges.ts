// The gauges whose values are read when the metrics are scraped.

import type { Gauge } from 'prom-client';
import { deadLetterStates, type DeadLetterState, type PartitionLag } from '#core/ports.ts';
import type { TopicLag } from '../lag-age.ts';
import { FleetSeries, type ScrapedFleet } from './fleet-series.ts';
import type { MetricSeries } from './metric-series.ts';

/** The parts that the gateway calls, by the label `dependency`. */
const calledParts = ['source', 'store', 'dead_letters'] as const;
const purposes = ['intake', 'search'] as const;
const causes = ['source', 'store', 'runners', 'disk'] as const;

export type ScrapedGauges = ScrapedFleet & {
  /** `null`: not known now. */
  readonly lag: readonly PartitionLag[] | null;
  /** None while the lag is not known. */
  readonly topicLags: readonly TopicLag[];
  readonly unsettled: number;
  /** `null`: not known. */
  readonly deadLetters: Readonly<Record<DeadLetterState, number>> | null;
  /** 0 when none is open; `null`: not known. */
  readonly oldestDeadLetterSeconds: number | null;
  readonly disk: { readonly freeBytes: number | null; readonly level: DiskLevel };
  readonly diskLimits: { readonly diskFreeBytesLow: number; readonly diskFreeBytesMin: number };
  /** Whether each answers. */
  readonly isUp: Readonly<Record<(typeof calledParts)[number], boolean>>;
  /** What prevents each purpose. */
  readonly unready: Readonly<
    Record<(typeof purposes)[number], readonly { readonly component: (typeof causes)[number] }[]>
  >;
  readonly liveClients: number;
  readonly timestampOffsetSeconds: number;
  /** UTC ms; `null` without TLS. */
  readonly certificateExpiresAt: number | null;
};

/** How much room the disk of the data folder has; the index is the value of `disk_level`. */
export const diskLevels = ['enough', 'low', 'out'] as const;
export type DiskLevel = (typeof diskLevels)[number];

export class ScrapedSeries {
  readonly #fleet: FleetSeries;
  readonly #lag;
  readonly #unsettled;
  readonly #deadLetters;
  readonly #diskFree;
  readonly #diskLevel;
  readonly #diskLimits;
  readonly #timestampOffset;
  readonly #lagSeconds;
  readonly #oldestDeadLetter;
  readonly #isUp;
  readonly #ready;
  readonly #causes;
  readonly #liveClients;
  readonly #certificate;

  constructor(series: MetricSeries) {
    this.#fleet = new FleetSeries(series);
    this.#lag = series.gauge('consumer_lag', 'Records in the log after the last commit.', [
      'partition',
      'topic',
    ]);
    this.#unsettled = series.gauge('unsettled_events', 'Events delivered and not yet settled.', []);
    this.#deadLetters = series.gauge('dead_letters', 'Dead letters by state.', ['state']);
    this.#diskFree = series.gauge(
      'disk_free_bytes',
      'Bytes that are free on the disk of the data folder; NaN while it does not say.',
      [],
    );
    this.#diskLevel = series.gauge(
      'disk_level',
      'Room on the disk of the data folder: 0 enough, 1 low, 2 out (intake has stopped).',
      [],
    );
    this.#diskLimits = series.gauge(
      'disk_limit_bytes',
      'Free bytes below which the level is low, and below which intake stops.',
      ['level'],
    );
    this.#lagSeconds = series.gauge(
      'consumer_lag_seconds',
      'Age of the newest record worked off of a topic while others wait; 0 when none waits; ' +
        'absent while that is not known.',
      ['topic'],
    );
    this.#oldestDeadLetter = series.gauge(
      'dead_letter_oldest_open_seconds',
      'Age of the oldest open dead letter; 0 when none is open.',
      [],
    );
    this.#isUp = series.gauge(
      'dependency_up',
      'Whether log, store and dead-letter queue answer: 1 or 0.',
      ['dependency'],
    );
    this.#ready = series.gauge('ready', 'What GET /readyz?for=… answers: 1 or 0.', ['for']);
    this.#causes = series.gauge('unready_cause', 'What GET /readyz names: 1 or 0.', ['component']);
    this.#liveClients = series.gauge('live_clients', 'Clients of the live feed.', []);
    this.#certificate = series.gauge(
      'certificate_expiry_timestamp_seconds',
      'When the certificate for HTTPS expires (UNIX time); absent without one.',
      [],
    );
    this.#timestampOffset = series.gauge(
      'timestamp_offset_seconds',
      'How far most events of a minute are dated ahead of their records; 0 while they are not.',
      [],
    );
    for (const purpose of purposes) this.#ready.set({ for: purpose }, 0);
    // They have no value before they are known.
    for (const each of [this.#oldestDeadLetter, this.#certificate]) each.reset();
  }

  set(state: ScrapedGauges): void {
    const { lag, deadLetters, disk, diskLimits } = state;
    this.#lag.reset();
    for (const { topic, partition, lag: count } of lag ?? [])
      this.#lag.set({ partition: String(partition), topic }, count);
    this.#lagSeconds.reset();
    for (const { topic, seconds } of state.topicLags)
      if (seconds !== null) this.#lagSeconds.set({ topic }, seconds);
    this.#unsettled.set(state.unsettled);
    this.#fleet.set(state);
    if (deadLetters !== null)
      for (const each of deadLetterStates)
        this.#deadLetters.set({ state: each }, deadLetters[each]);
    setOrRemove(this.#oldestDeadLetter, state.oldestDeadLetterSeconds);
    this.#diskFree.set(disk.freeBytes ?? NaN);
    this.#diskLevel.set(diskLevels.indexOf(disk.level));
    this.#diskLimits.set({ level: 'low' }, diskLimits.diskFreeBytesLow);
    this.#diskLimits.set({ level: 'out' }, diskLimits.diskFreeBytesMin);
    for (const each of calledParts) this.#isUp.set({ dependency: each }, state.isUp[each] ? 1 : 0);
    this.#setReadiness(state.unready);
    this.#liveClients.set(state.liveClients);
    this.#timestampOffset.set(state.timestampOffsetSeconds);
    const { certificateExpiresAt: expiresAt } = state;
    setOrRemove(this.#certificate, expiresAt === null ? null : expiresAt / 1000);
  }

  #setReadiness(unready: ScrapedGauges['unready']): void {
    for (const each of purposes) this.#ready.set({ for: each }, unready[each].length === 0 ? 1 : 0);
    const named = purposes.flatMap((each) => unready[each].map(({ component }) => component));
    for (const component of causes)
      this.#causes.set({ component }, named.includes(component) ? 1 : 0);
  }
}

/** A series without a value is absent, which is not 0. */
function setOrRemove(gauge: Gauge, value: number | null): void {
  if (value === null) gauge.remove();
  else gauge.set(value);
}
