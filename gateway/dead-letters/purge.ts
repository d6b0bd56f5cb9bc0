// Purges dead letters, never others than those that were counted, and counts letters of any number.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, DeadLetterEntry, DeadLetters } from '#core/ports.ts';
import type { DeadLetterFilter } from './replay.ts';

export type Purger = {
  /** Whether there is such a letter. One that is purged already stays as it is. */
  one(id: string, by: string): Promise<boolean>;
  /** Ends with the signal; what was purged by then stays so. */
  all(filter: DeadLetterFilter, by: string, signal: AbortSignal): Promise<number>;
};

const pageDeadLetters = 500;

/** `purged` is told at once of what was done. */
export function createPurger(
  deadLetters: DeadLetters,
  clock: Clock,
  purged: (ids: readonly string[], by: string) => void,
): Purger {
  const purge = async (letters: readonly DeadLetterEntry[], by: string): Promise<number> => {
    const left = letters.filter(({ state }) => state !== 'purged');
    if (left.length === 0) return 0;
    const at = clock.now();
    await deadLetters.setStatus(
      left.map(({ id, replays, replay }) => ({
        id,
        status: { state: 'purged', replays, replay, purge: { at, by } },
      })),
    );
    purged(
      left.map(({ id }) => id),
      by,
    );
    return left.length;
  };
  return {
    async one(id, by) {
      const letter = await deadLetters.get(id);
      if (letter === null) return false;
      await purge([letter], by);
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

/** How many letters the filter finds, and the ids of the newest. */
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

/** Without values; in between others have their turn. */
async function* pages(
  deadLetters: DeadLetters,
  filter: DeadLetterFilter,
): AsyncGenerator<readonly DeadLetterEntry[], void> {
  for (let after = filter.after; ;) {
    const page = await deadLetters.list({
      ...filter,
      ...(after !== undefined && { after }),
      limit: pageDeadLetters,
      valueBytesMax: 0,
    });
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageDeadLetters) return;
    after = { failedAt: last.failedAt, id: last.id };
    await nextTurn();
  }
}
