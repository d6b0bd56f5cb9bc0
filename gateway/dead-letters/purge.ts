// Purges dead letters by id or by filter, and counts how many a filter matches.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, DeadLetterEntry, DeadLetters } from '#core/ports.ts';
import type { DeadLetterFilter } from './replay.ts';

type Purger = {
  /** Whether the dead letter exists. One that is purged already stays unchanged. */
  one(id: string, by: string): Promise<boolean>;
  /** Returns how many were purged. Ends when the signal aborts; what is purged stays purged. */
  all(filter: DeadLetterFilter, by: string, signal: AbortSignal): Promise<number>;
};

const pageRowsMax = 500;

/** @param onPurged called as soon as dead letters were purged */
export function createPurger(
  deadLetters: DeadLetters,
  clock: Clock,
  onPurged: (ids: readonly string[], by: string) => void,
): Purger {
  const purge = async (entries: readonly DeadLetterEntry[], by: string): Promise<number> => {
    const left = entries.filter(({ state }) => state !== 'purged');
    if (left.length === 0) return 0;
    const at = clock.now();
    await deadLetters.setStatus(
      left.map(({ id, replays, replay }) => ({
        id,
        status: { state: 'purged', replays, replay, purge: { at, by } },
      })),
    );
    onPurged(
      left.map(({ id }) => id),
      by,
    );
    return left.length;
  };
  return {
    async one(id, by) {
      const deadLetter = await deadLetters.get(id);
      if (deadLetter === null) return false;
      await purge([deadLetter], by);
      return true;
    },
    async all(filter, by, signal) {
      let count = 0;
      for await (const page of pages(deadLetters, filter)) {
        if (signal.aborted) break;
        count += await purge(page, by);
      }
      return count;
    },
  };
}

/** How many dead letters the filter matches, and the ids of the newest `idsMax`. */
export async function countDeadLetters(
  deadLetters: DeadLetters,
  filter: DeadLetterFilter,
  idsMax: number,
): Promise<{ readonly count: number; readonly ids: readonly string[] }> {
  let count = 0;
  const ids: string[] = [];
  for await (const page of pages(deadLetters, filter)) {
    count += page.length;
    ids.push(...page.slice(0, idsMax - ids.length).map(({ id }) => id));
  }
  return { count, ids };
}

/** Dead letters without their values, newest first. Other tasks run between the pages. */
async function* pages(
  deadLetters: DeadLetters,
  filter: DeadLetterFilter,
): AsyncGenerator<readonly DeadLetterEntry[], void> {
  for (let after = filter.after; ;) {
    const page = await deadLetters.list({
      ...filter,
      ...(after !== undefined && { after }),
      limit: pageRowsMax,
      valueBytesMax: 0,
    });
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageRowsMax) return;
    after = { failedAt: last.failedAt, id: last.id };
    await nextTurn();
  }
}
