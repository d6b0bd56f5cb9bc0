// The gauges of the fleet, whose values are read when the metrics are scraped.

import { runnerStates } from '#core/fleet/runner-state.ts';
import { verifiers, type Verifiers } from '#core/fleet/verifiers.ts';
import { devices } from '#core/model/model-manifest.ts';
import type { MetricSeries } from './metric-series.ts';

export type ScrapedFleet = {
  /** Texts that untrusted runners refuse (see `FleetStats`). */
  readonly heldTexts: number;
  readonly checkedBy: Verifiers;
  readonly runners: readonly ScrapedRunner[];
  /** Quarantines of the store that are not over. */
  readonly quarantines: number;
};

type ScrapedRunner = {
  readonly id: string;
  readonly name: string;
  readonly device: string;
  readonly state: string;
  readonly inProbation: boolean;
  readonly textsPerSecond: number;
  readonly textsEmbedded: number;
};

/** Names come from runners: no more of them than this become series. */
const namedRunnersMax = 200;

export class FleetSeries {
  readonly #heldTexts;
  readonly #checkedBy;
  readonly #runners;
  readonly #inProbation;
  readonly #quarantines;
  readonly #runnerRate;
  readonly #runnerTexts;

  constructor(series: MetricSeries) {
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
    this.#inProbation = series.gauge(
      'runners_in_probation',
      'Runners whose jobs each wait for a check, because they are not proven yet.',
      [],
    );
    this.#quarantines = series.gauge(
      'runner_quarantines',
      'Quarantines that are not over, of all gateways of the store.',
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
    this.#setRunners([]);
  }

  set({ heldTexts, checkedBy, runners, quarantines }: ScrapedFleet): void {
    this.#heldTexts.set(heldTexts);
    for (const each of verifiers)
      this.#checkedBy.set({ verifiers: each }, each === checkedBy ? 1 : 0);
    this.#quarantines.set(quarantines);
    this.#setRunners(runners);
  }

  #setRunners(runners: ScrapedFleet['runners']): void {
    this.#inProbation.set(runners.filter(({ inProbation }) => inProbation).length);
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
