// The settings in the section `pipeline`: how many events and writes are in flight at once.

import { defaultPipelineLimits } from '#core/pipeline/pipeline.ts';
import { integer } from '../setting-types.ts';
import { mebibyte } from '../units.ts';

/** The highest value of `unsettledMax`. The fleet has room for as many texts. */
export const unsettledMaxHighest = 1_000_000;

export const pipelineSection = {
  unsettledMax: integer({
    default: defaultPipelineLimits.unsettledMax,
    min: 1,
    max: unsettledMaxHighest,
    live: true,
    help: 'Maximum number of events in progress.',
  }),
  unsettledBytesMax: integer({
    default: defaultPipelineLimits.unsettledBytesMax,
    min: mebibyte,
    max: 4096 * mebibyte,
    live: true,
    help: 'Maximum total size of the events in progress (bytes).',
  }),
  batchAgeMsMax: integer({
    default: defaultPipelineLimits.batchAgeMsMax,
    min: 0,
    max: 10_000,
    live: true,
    help: 'How long a write waits for its batch to fill (milliseconds).',
  }),
  writesInFlightMax: integer({
    default: defaultPipelineLimits.writesInFlightMax,
    min: 1,
    max: 64,
    live: true,
    help: 'Maximum number of write calls to the store in flight.',
  }),
  knownTextsMax: integer({
    default: defaultPipelineLimits.knownTextsMax,
    min: 0,
    max: 10_000_000,
    live: true,
    help: 'Maximum number of ids of stored texts that are cached in memory.',
  }),
} as const;
