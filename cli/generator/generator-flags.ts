// The flags that every command with generated events has, and what they make.

import { integer, number, text } from '../flags.ts';
import type { FlagValues } from '../flags.ts';
import { openEventStream, parseStream } from './event-stream.ts';
import type { EventStream } from './event-stream.ts';

export const generatorFlags = {
  stream: text(
    'S',
    'zipf-1.1',
    'which products come: unique, zipf-S (popularity falls with rank^-S) or seed-10 (ten products)',
  ),
  seed: integer(
    'N',
    1,
    0,
    Number.MAX_SAFE_INTEGER,
    'the same seed makes the same shop, and with the same start the same events',
  ),
  'invalid-percent': number(
    'P',
    0,
    0,
    100,
    'this share of the events is made invalid, in every way there is',
  ),
};

const catalogueSize = 5000;
/** A burst tells of the minutes or hours before it, never of more than a day. */
const burstStepMsMax = 20;
const burstSpanMsMax = 86_400_000;

export type StreamRequest = {
  readonly flags: FlagValues<typeof generatorFlags>;
  readonly count: number;
  /** Events per second, or `null` for a burst. */
  readonly rate: number | null;
  /** UTC ms: when a burst ends, and a paced stream begins. */
  readonly now: number;
};

/** Throws `UsageError` for a stream that there is not. */
export function streamOf({ flags, count, rate, now }: StreamRequest): EventStream {
  const stepMs = rate === null ? Math.min(burstStepMsMax, burstSpanMsMax / count) : 1000 / rate;
  return openEventStream({
    seed: flags.seed,
    count,
    stream: parseStream(flags.stream),
    catalogueSize,
    invalidPercent: flags['invalid-percent'],
    stepMs,
    startAt: rate === null ? Math.floor(now - count * stepMs) : now,
  });
}
