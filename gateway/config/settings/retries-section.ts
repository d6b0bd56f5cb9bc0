// The settings in the section `retries`: how failed calls to the store and the dead letters are
// repeated, and when intake pauses.

import { defaultPipelineLimits } from '#core/pipeline/pipeline.ts';
import { integer } from '../setting-types.ts';
import { hour, minute } from '../units.ts';

const { backoff, circuit } = defaultPipelineLimits;

export const retriesSection = {
  delayMs: integer({
    default: backoff.delayMs,
    min: 1,
    max: minute,
    live: true,
    help:
      'Longest wait after the first failed call to the store or the dead letters (milliseconds). ' +
      'It doubles with each further failure.',
  }),
  delayMsMax: integer({
    default: backoff.delayMsMax,
    min: 1,
    max: 10 * minute,
    live: true,
    help: 'Upper limit of the wait between two attempts (milliseconds).',
  }),
  circuitFailuresMax: integer({
    default: circuit.failuresMax,
    min: 1,
    max: 1000,
    live: true,
    help:
      'Failures in a row that open the circuit breaker. ' +
      'While it is open, the pipeline takes no events, and calls are probes, made one at a time.',
  }),
  circuitDelayMs: integer({
    default: circuit.delayMs,
    min: 10,
    max: 10 * minute,
    live: true,
    help: 'Wait before the first probe (milliseconds). It doubles with each failed probe.',
  }),
  circuitDelayMsMax: integer({
    default: circuit.delayMsMax,
    min: 10,
    max: hour,
    live: true,
    help: 'Upper limit of the wait between two probes (milliseconds).',
  }),
} as const;
