// The reference dead-letter queue: idempotent by id, newest first, every byte as it came.

import { DependencyError } from '../errors.ts';
import type { DeadLetter, DeadLetterEntry, DeadLetterQuery, DeadLetterReason, DeadLetters, DeadLetterState } from '../ports.ts';

/** @param lettersMax `put` refuses to hold more; it is retryable, since a purge makes room. */
export function createMemoryDeadLetters(lettersMax = 100_000): DeadLetters {
  const letters = new Map<string, DeadLetterEntry>();
  return {
    kind: 'memory',
    async put(added) {
      const fresh = new Map(added.filter(({ id }) => !letters.has(id)).toReversed().map((letter) => [letter.id, letter]));
      if (letters.size + fresh.size > lettersMax) {
        throw new DependencyError('dead-letters', 'dead_letters_full', `The dead-letter queue holds its maximum of ${lettersMax}: purge some.`, { retryable: true });
      }
      for (const letter of fresh.values()) letters.set(letter.id, { ...copyOf(letter), state: 'open' });
    },
    async list(query) {
      return [...letters.values()].filter((letter) => matches(letter, query)).toSorted(newestFirst).slice(0, query.limit).map(copyOf);
    },
    async get(id) {
      const letter = letters.get(id);
      return letter === undefined ? null : copyOf(letter);
    },
    async stats() {
      const byState: Record<DeadLetterState, number> = { open: 0, replayed: 0, purged: 0 };
      const byReason: Partial<Record<DeadLetterReason, number>> = {};
      for (const { state, reason } of letters.values()) {
        byState[state] += 1;
        byReason[reason] = (byReason[reason] ?? 0) + 1;
      }
      return { byState, byReason };
    },
    async [Symbol.asyncDispose]() {},
  };
}

type Place = { readonly failedAt: number; readonly id: string };

function newestFirst(a: Place, b: Place): number {
  return b.failedAt - a.failedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

/** Times include both ends. */
function matches(letter: DeadLetterEntry, { reason, state, since, until, after }: DeadLetterQuery): boolean {
  return (reason === undefined || letter.reason === reason)
    && (state === undefined || letter.state === state)
    && (since === undefined || letter.failedAt >= since)
    && (until === undefined || letter.failedAt <= until)
    && (after === undefined || newestFirst(after, letter) < 0);
}

function copyOf<T extends DeadLetter>(letter: T): T {
  return {
    ...letter,
    key: letter.key && new Uint8Array(letter.key),
    value: new Uint8Array(letter.value),
    headers: Object.fromEntries(Object.entries(letter.headers).map(([name, header]) => [name, new Uint8Array(header)])),
  };
}
