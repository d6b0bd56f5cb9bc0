// Deletes old events and texts without events, in small steps that leave the store time for other
// calls. Sweeps never overlap.

import type { Clock, VectorStore } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import { createTroubleLog } from '../telemetry/trouble-log.ts';

type RetentionOptions = {
  readonly store: VectorStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Both are read again for every sweep. */
  readonly retentionMs: () => number;
  readonly sweepEveryMs: () => number;
  /** Must exceed the time that any known-text cache keeps a text. */
  readonly textGraceMs: number;
};

/** The longest wait before the interval is read again. */
const waitMsMax = 60_000;
/** Leaves the store to other calls for about as long as a step takes. */
const pauseMs = 20;

/** Resolves once the signal aborts. A sweep that fails is logged; the next sweep tries again. */
export async function runRetention(
  { store, clock, log, retentionMs, sweepEveryMs, textGraceMs }: RetentionOptions,
  signal: AbortSignal,
): Promise<void> {
  const failed = createTroubleLog(clock, (fields) =>
    log.warn(fields, 'the retention sweep failed; the next sweep tries again'),
  );
  while (!signal.aborted) {
    const sweptAt = clock.monotonic();
    // It waits in short steps, because the interval may become shorter meanwhile.
    for (
      let left = sweepEveryMs();
      left > 0 && !signal.aborted;
      left = sweptAt + sweepEveryMs() - clock.monotonic()
    )
      await rest(clock, Math.min(left, waitMsMax), signal);
    const forgotten = { events: 0, texts: 0 };
    try {
      for (let more = true; more && !signal.aborted;) {
        const now = clock.now();
        const step = await store.forget({ ingestedBefore: now - retentionMs(), now, textGraceMs });
        forgotten.events += step.events;
        forgotten.texts += step.texts;
        more = step.more;
        if (more) await rest(clock, pauseMs, signal);
      }
      if (forgotten.events + forgotten.texts > 0)
        log.info(forgotten, 'deleted old events and texts');
    } catch (error) {
      failed(error);
    }
  }
}
