// Forgets old events and texts without events, in small steps between which the store serves
// others; never twice at once.

import type { Clock, VectorStore } from '#core/ports.ts';
import type { Log } from '../telemetry/gateway-log.ts';

export type RetentionOptions = {
  readonly store: VectorStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Both are read again at every sweep. */
  readonly retentionMs: () => number;
  readonly sweepEveryMs: () => number;
  /** Longer than any known-text cache remembers a text. */
  readonly textGraceMs: number;
};

const stepMsMax = 60_000;

/**
 * Runs until the signal aborts, then resolves. A sweep that fails is logged and tried again at the
 * next turn.
 */
export async function runRetention(
  { store, clock, log, retentionMs, sweepEveryMs, textGraceMs }: RetentionOptions,
  signal: AbortSignal,
): Promise<void> {
  const pause = (ms: number): Promise<void> => clock.sleep(ms, signal).catch(() => undefined);
  while (!signal.aborted) {
    const sweptAt = clock.monotonic();
    // In short steps, since the interval may become a shorter one meanwhile.
    for (
      let left = sweepEveryMs();
      left > 0 && !signal.aborted;
      left = sweptAt + sweepEveryMs() - clock.monotonic()
    )
      await pause(Math.min(left, stepMsMax));
    const forgotten = { events: 0, texts: 0 };
    try {
      for (let more = true; more && !signal.aborted;) {
        const now = clock.now();
        const step = await store.forget({ ingestedBefore: now - retentionMs(), now, textGraceMs });
        forgotten.events += step.events;
        forgotten.texts += step.texts;
        more = step.more;
        // Leaves the store to others for as long as a step may take.
        if (more) await pause(20);
      }
      if (forgotten.events + forgotten.texts > 0)
        log.info(forgotten, 'forgot old events and texts');
    } catch (error) {
      log.warn({ err: error }, 'the retention sweep failed; the next one tries again');
    }
  }
}
