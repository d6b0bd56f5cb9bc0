// Deletes old records of the embedded log in small steps, as long as the gateway runs.

import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { WorkerClient } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

const intervalMs = 5_000;
/** Records that one step deletes: a few milliseconds of the writer's work. */
const rowsMax = 1_000;

/** Resolves once the signal aborts. Errors end a step; the next step tries again. */
export async function runLogRetention(
  writer: WorkerClient<WriterApi>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let more = false;
    try {
      ({ more } = await writer.call('retain', { now: clock.now(), rowsMax }));
    } catch {
      // The same error makes appends fail, and the sink reports it.
    }
    if (!more) await rest(clock, intervalMs, signal);
  }
}
