// The bounds of the scheduler.

import type { PaceOptions } from './runner-pace.ts';

export type FleetOptions = {
  readonly pace: PaceOptions;
  /**
   * How often a text that is alone in its job may fail before it is given up or, when only runners
   * of one or two owners have tried it and none of them is trusted, held.
   */
  readonly attemptsAloneMax: number;
  /** See `Probation`. */
  readonly provingTexts: number;
  /** How many texts may wait or be in work at once. */
  readonly tasksMax: number;
  /**
   * How long the work of untrusted runners waits for a trusted runner that is away, ms. Read at
   * every use.
   */
  readonly checkIntervalMs: number;
  /** How long a runner that is free may take for a search, ms. Read at every use. */
  readonly searchJobMsMax: number;
};
