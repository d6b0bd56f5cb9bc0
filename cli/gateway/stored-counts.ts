// Reads from a gateway's figures how much its store and its dead-letter queue hold.

import { DependencyError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import type { Stats, VectorStreamClient } from '../../client/client.ts';

export type StoredCounts = {
  readonly events: number;
  readonly texts: number;
  /** Open dead letters. */
  readonly deadLetters: number;
};

const pollMs = 250;
const answerMsMax = 30_000;

/** `null` while the store or the queue has not answered since the gateway started. */
export function storedCountsOf({
  store,
  dead_letters: deadLetters,
}: Pick<Stats, 'store' | 'dead_letters'>): StoredCounts | null {
  if (store === null || deadLetters === null) return null;
  return { events: store.events, texts: store.texts, deadLetters: deadLetters.open };
}

/**
 * The gateway's figures, as soon as store and queue have answered.
 *
 * @throws DependencyError when they have not after 30 s
 */
export async function statsWithCounts(
  client: Pick<VectorStreamClient, 'stats'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ readonly stats: Stats; readonly counts: StoredCounts }> {
  const giveUpAt = clock.monotonic() + answerMsMax;
  for (;;) {
    const stats = await client.stats({ signal });
    const counts = storedCountsOf(stats);
    if (counts !== null) return { stats, counts };
    if (clock.monotonic() > giveUpAt)
      throw new DependencyError(
        'gateway',
        'gateway_unavailable',
        `The gateway's ${stats.store === null ? 'store' : 'dead-letter queue'} ` +
          `has not answered for ${answerMsMax / 1000} s.`,
        { retryable: true },
      );
    await clock.sleep(pollMs, signal);
  }
}
