// Erases one person, in an order in which a crash at any point leaves nothing behind: each step
// finds its work again, and the ids are forgotten last.

import type { ErasureRequest } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { erasePlaces, type Counts, type ErasurePlaces } from './erase-places.ts';
import { ownSessions } from './own-sessions.ts';

export type ErasureSteps = {
  readonly signal: AbortSignal;
  /** Tombstones for sessions. */
  readonly addTombstones: (sessionIds: readonly string[]) => Promise<void>;
  /** Clears what this gateway holds in memory. */
  readonly clear: () => void;
};

/** Returns what was erased; `null` when the signal aborted or a later request takes over. */
export async function erasePerson(
  places: ErasurePlaces,
  request: ErasureRequest,
  { signal, addTombstones, clear }: ErasureSteps,
): Promise<Counts | null> {
  const { clock, store } = places;
  const { erasureStore } = store;
  const { userId } = request;
  const counts: Counts = { ...request.counts };
  let current = request;
  const save = (changes: Partial<ErasureRequest>): Promise<void> => {
    current = { ...current, counts, ...changes };
    return erasureStore.putRequest(current);
  };
  if (userId !== null) {
    const found = await ownSessions(store, userId, request.sessionIds);
    counts['shared_sessions'] = found.shared;
    await save({ sessionIds: found.own });
    const latest = await erasureStore.request(request.id);
    if (latest !== null && latest.at > request.at) return null;
    // Another gateway may have found more of them, and erased what leads there.
    const own = [...new Set([...found.own, ...(latest?.sessionIds ?? [])])];
    counts['sessions'] = own.length;
    await addTombstones(own);
    const erased = { person: { userId, sessionIds: new Set(own) }, until: request.at };
    await erasePlaces(places, erased, { counts, signal });
    clear();
    // Again: what was under way when the tombstones were written has arrived by then.
    if (!(await rest(clock, erasureStore.settleMs, signal))) return null;
    await erasePlaces(places, erased, { counts, signal });
    clear();
    if (signal.aborted) return null;
  }
  await save({ userId: null, sessionIds: [] });
  await erasureStore.scrub?.();
  await save({ finishedAt: clock.now() });
  return counts;
}
