// The flags of every command that sends generated events, and the stream that they describe.

import { integer, number, text, section } from '../flags.ts';
import type { FlagValues } from '../flags.ts';
import { openEventStream, parseStream } from './event-stream.ts';
import type { EventStream } from './event-stream.ts';

export const generatorFlags = section('Events', {
  stream: text(
    'S',
    'zipf-1.1',
    'which products occur: unique, zipf-S (popularity falls with rank^-S), seed-10 (ten products)',
  ),
  seed: integer(
    'N',
    1,
    0,
    Number.MAX_SAFE_INTEGER,
    'the same seed makes the same shop; with the same start time, also the same events',
  ),
  'invalid-percent': number(
    'P',
    0,
    0,
    100,
    'share of the events that is invalid, in every possible way',
  ),
});

const catalogueSize = 5000;
/** A burst covers the minutes or hours before now, never more than a day. */
const burstStepMsMax = 20;
const burstSpanMsMax = 86_400_000;

export type StreamOptions = {
  readonly flags: FlagValues<typeof generatorFlags>;
  readonly count: number;
  /** Events per second, or `null` for a burst. */
  readonly rate: number | null;
  /** UTC ms: the end of a burst, the begin of a paced stream. */
  readonly now: number;
};

/** @throws UsageError for an unknown stream */
export function streamOf({ flags, count, rate, now }: StreamOptions): EventStream {
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
