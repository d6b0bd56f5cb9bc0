// The gauges whose values are read when the metrics are scraped.

import type { Gauge } from 'prom-client';
import { runnerStates } from '#core/fleet/runner-state.ts';
import { verifiers, type Verifiers } from '#core/fleet/verifiers.ts';
import { devices } from '#core/model/model-manifest.ts';
import { deadLetterStates, type DeadLetterState, type PartitionLag } from '#core/ports.ts';
import type { MetricSeries } from './metric-series.ts';

/** The parts that the gateway calls, by the label `dependency`. */
const calledParts = ['source', 'store', 'dead_letters'] as const;
const purposes = ['intake', 'search'] as const;
const causes = ['source', 'store', 'runners', 'disk'] as const;

export type ScrapedGauges = {
  /** `null`: not known now. */
  readonly lag: readonly PartitionLag[] | null;
  readonly lagSeconds: number | null;
  readonly unsettled: number;
  /** Texts that untrusted runners refuse (see `FleetStats`). */
  readonly heldTexts: number;
  readonly checkedBy: Verifiers;
  readonly runners: readonly ScrapedRunner[];
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

export type ScrapedRunner = {
  readonly id: string;
  readonly name: string;
  readonly device: string;
  readonly state: string;
  readonly textsPerSecond: number;
  readonly textsEmbedded: number;
};

/** Names come from runners: no more of them than this become series. */
const namedRunnersMax = 200;

/** How much room the disk of the data folder has; the index is the value of `disk_level`. */
export const diskLevels = ['enough', 'low', 'out'] as const;
export type DiskLevel = (typeof diskLevels)[number];

export class ScrapedSeries {
  readonly #lag;
  readonly #unsettled;
  readonly #heldTexts;
  readonly #checkedBy;
  readonly #runners;
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
  readonly #runnerRate;
  readonly #runnerTexts;

  constructor(series: MetricSeries) {
    this.#lag = series.gauge('consumer_lag', 'Records in the log after the last commit.', [
      'partition',
    ]);
    this.#unsettled = series.gauge('unsettled_events', 'Events delivered and not yet settled.', []);
    this.#heldTexts = series.gauge(
      'texts_needing_trusted_runner',
      'Texts of events that untrusted runners refuse, and that wait for a trusted one.',
      [],
    );
    this.#checkedBy = series.gauge(
      'fleet_checked_by',
      'Who verifies the vectors of untrusted runners: 1 for that, 0 for the others.',
      ['verifiers'],
    );
    this.#runners = series.gauge(
      'runner_count',
      'Connected runners, and recently quarantined ones.',
      ['device', 'state'],
    );
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
      'Age of the newest record worked off while others wait; 0 when none waits; absent while ' +
        'that is not known.',
      [],
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
    const ofRunner = ['runner', 'name', 'device', 'state'] as const;
    this.#runnerRate = series.gauge(
      'runner_texts_per_second',
      'Measured rate of a connected runner.',
      ofRunner,
    );
    this.#runnerTexts = series.gauge(
      'runner_texts_embedded',
      'Texts that a connected runner has embedded since it joined.',
      ofRunner,
    );
    for (const purpose of purposes) this.#ready.set({ for: purpose }, 0);
    // They have no value before they are known.
    for (const each of [this.#lagSeconds, this.#oldestDeadLetter, this.#certificate]) each.reset();
    this.#setRunners([]);
  }

  set(state: ScrapedGauges): void {
    const { lag, deadLetters, disk, diskLimits } = state;
    this.#lag.reset();
    for (const each of lag ?? []) this.#lag.set({ partition: String(each.partition) }, each.lag);
    setOrRemove(this.#lagSeconds, state.lagSeconds);
    this.#unsettled.set(state.unsettled);
    this.#heldTexts.set(state.heldTexts);
    for (const each of verifiers)
      this.#checkedBy.set({ verifiers: each }, each === state.checkedBy ? 1 : 0);
    this.#setRunners(state.runners);
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

  #setRunners(runners: ScrapedGauges['runners']): void {
    this.#runnerRate.reset();
    this.#runnerTexts.reset();
    for (const { id, name, device, state, ...figures } of runners.slice(0, namedRunnersMax)) {
      const labels = { runner: id, name: name.slice(0, 100), device, state };
      this.#runnerRate.set(labels, figures.textsPerSecond);
      this.#runnerTexts.set(labels, figures.textsEmbedded);
    }
    for (const device of devices) {
      for (const state of runnerStates) {
        this.#runners.set(
          { device, state },
          runners.filter((runner) => runner.device === device && runner.state === state).length,
        );
      }
    }
  }
}

/** A series without a value is absent, which is not 0. */
function setOrRemove(gauge: Gauge, value: number | null): void {
  if (value === null) gauge.remove();
  else gauge.set(value);
}
