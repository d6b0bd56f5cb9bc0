// Records the figures of every second, and keeps them in a file, so that they survive a restart.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { replaceFile } from '../../system/replace-file.ts';
import { type Counts, FigureHistory, nothing, tickMs } from './figure-history.ts';
import type { Log } from './gateway-log.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { Telemetry } from './metrics/metrics.ts';
import { createTroubleLog } from './trouble-log.ts';

export type HistoryOptions = {
  /** The file `history.json` is in it. */
  readonly dataDir: string;
  readonly telemetry: Pick<Telemetry, 'totals' | 'latencies'>;
  /** Records in the log after the last commit; `null`: not known. Never rejects. */
  readonly lag: () => Promise<number | null>;
  readonly clock: Clock;
  readonly log: Log;
};

/** A crash loses at most this much. */
const saveEveryMs = 60_000;
/** The lag is read less often, because with Kafka it costs a request to the brokers. */
const lagEveryMs = 5000;
/** A longer gap means that the machine slept, or that its clock was set. */
const missedMsMax = 10_000;

const stepSchema = z.object({
  received: z.number(),
  stored: z.number(),
  deadLettered: z.number(),
  embedded: z.number(),
  latency: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable(),
  lag: z.number().nullable(),
});
const savedSchema = z.record(z.string(), z.array(z.tuple([z.number(), stepSchema])));

/** Records until it is disposed. A file that cannot be read or written is logged, and no error. */
export async function recordHistory(
  options: HistoryOptions,
): Promise<{ readonly history: FigureHistory } & AsyncDisposable> {
  const { dataDir, clock, log } = options;
  const file = join(dataDir, 'history.json');
  const history = new FigureHistory();
  await readFile(file, 'utf8')
    .then(
      (text) => history.restore(savedSchema.parse(JSON.parse(text))),
      () => undefined,
    )
    .catch((error: unknown) =>
      log.warn({ file, err: error }, 'cannot read the history of figures; starting a new one'),
    );
  const failed = createTroubleLog(clock, (fields) =>
    log.warn({ file, ...fields }, 'cannot write the history of figures; trying again'),
  );
  const save = async (): Promise<void> => {
    try {
      await replaceFile(file, JSON.stringify(history.save()));
    } catch (error) {
      failed(error);
    }
  };
  const stopping = new AbortController();
  const recording = record(history, options, save, stopping.signal);
  return {
    history,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await recording;
      await save();
    },
  };
}

async function record(
  history: FigureHistory,
  { telemetry, lag, clock }: HistoryOptions,
  save: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let before = telemetry.totals();
  let savedAt = clock.monotonic();
  let lagAt = -Infinity;
  let waiting: number | null = null;
  let end = secondOf(clock.now());
  while (await rest(clock, Math.min(tickMs, Math.max(1, end + tickMs - clock.now())), signal)) {
    const late = secondOf(clock.now()) - end;
    if (late === 0) continue;
    if (clock.monotonic() - lagAt >= lagEveryMs) {
      lagAt = clock.monotonic();
      waiting = await lag();
    }
    // A busy process misses seconds. They are not a gap, because the process ran.
    const missed = late > 0 && late <= missedMsMax ? late / tickMs - 1 : 0;
    for (let second = 1; second <= missed; second += 1)
      history.add(end + second * tickMs, nothing, new LatencyHistogram(), waiting);
    end += late;
    const totals = telemetry.totals();
    history.add(end, difference(totals, before), telemetry.latencies.take(), waiting);
    before = totals;
    if (clock.monotonic() - savedAt < saveEveryMs) continue;
    savedAt = clock.monotonic();
    await save();
  }
}

const secondOf = (ms: number): number => Math.round(ms / tickMs) * tickMs;

const difference = (now: Counts, before: Counts): Counts => ({
  received: now.received - before.received,
  stored: now.stored - before.stored,
  deadLettered: now.deadLettered - before.deadLettered,
  embedded: now.embedded - before.embedded,
});
