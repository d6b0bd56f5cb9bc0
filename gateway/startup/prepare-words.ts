// Prepares the stored texts of older versions for search by words, after every start and every
// hour, because an older gateway may still store some beside this one. Small steps leave the store
// time for other calls.

import type { Clock, VectorStore } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import { createTroubleLog } from '../telemetry/trouble-log.ts';

const pauseMs = 20;
const retryMs = 10_000;
const passEveryMs = 3_600_000;

/** Resolves when the signal aborts. Never throws: it tries again. */
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
      waitMs = (await store.prepareWords()) ? pauseMs : passEveryMs;
    } catch (error) {
      failed(error);
      waitMs = retryMs;
    }
  }
}
