// The gauges whose values are read when the metrics are scraped.

import { runnerStates } from '#core/fleet/runner-state.ts';
import { verifiers, type Verifiers } from '#core/fleet/verifiers.ts';
import { devices } from '#core/model/model-manifest.ts';
import { deadLetterStates, type DeadLetterState, type PartitionLag } from '#core/ports.ts';
import type { MetricSeries } from './metric-series.ts';

export type ScrapedGauges = {
  /** `null`: not known. */
  readonly lag: readonly PartitionLag[] | null;
  readonly unsettled: number;
  /** Texts that untrusted runners refuse (see `FleetStats`). */
  readonly heldTexts: number;
  readonly checkedBy: Verifiers;
  readonly runners: readonly { readonly device: string; readonly state: string }[];
  readonly deadLetters: Readonly<Record<DeadLetterState, number>> | null;
  readonly disk: { readonly freeBytes: number | null; readonly level: DiskLevel };
  readonly timestampOffsetSeconds: number;
};

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
  readonly #timestampOffset;

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
    this.#timestampOffset = series.gauge(
      'timestamp_offset_seconds',
      'How far most events of a minute are dated ahead of their records; 0 while they are not.',
      [],
    );
    this.#setRunners([]);
  }

  set(gauges: ScrapedGauges): void {
    const { lag, unsettled, heldTexts, checkedBy, runners, deadLetters, disk } = gauges;
    if (lag !== null) this.#lag.reset();
    for (const each of lag ?? []) this.#lag.set({ partition: String(each.partition) }, each.lag);
    this.#unsettled.set(unsettled);
    this.#heldTexts.set(heldTexts);
    for (const each of verifiers)
      this.#checkedBy.set({ verifiers: each }, each === checkedBy ? 1 : 0);
    this.#setRunners(runners);
    if (deadLetters !== null)
      for (const state of deadLetterStates) this.#deadLetters.set({ state }, deadLetters[state]);
    this.#diskFree.set(disk.freeBytes ?? NaN);
    this.#diskLevel.set(diskLevels.indexOf(disk.level));
    this.#timestampOffset.set(gauges.timestampOffsetSeconds);
  }

  #setRunners(runners: ScrapedGauges['runners']): void {
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
