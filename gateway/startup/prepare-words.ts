// Prepares the stored texts of older versions for search by words, once after every start, in small
// steps that leave the store time for other calls.

import type { Clock, VectorStore } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import { createTroubleLog } from '../telemetry/trouble-log.ts';

const pauseMs = 20;
const retryMs = 10_000;

/** Resolves when no text is left, or the signal aborts. Never throws: it tries again. */
export async function prepareWords(
  {
    store,
    clock,
    log,
  }: {
    readonly store: Pick<VectorStore, 'prepareWords'>;
    readonly clock: Clock;
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<void> {
  const failed = createTroubleLog(clock, (fields) =>
    log.warn(fields, 'texts are not yet prepared for search by words; trying again'),
  );
  let waitMs = 0;
  while (await rest(clock, waitMs, signal)) {
    try {
      if (!(await store.prepareWords())) return;
      waitMs = pauseMs;
    } catch (error) {
      failed(error);
      waitMs = retryMs;
    }
  }
}
