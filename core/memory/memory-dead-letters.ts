// The reference dead-letter queue: idempotent by id, newest first, every byte as it came.

import { DependencyError } from '#core/errors/errors.ts';
import {
  openStatus,
  type DeadLetter,
  type DeadLetterEntry,
  type DeadLetterCursor,
  type DeadLetterQuery,
  type DeadLetterReason,
  type DeadLetters,
  type DeadLetterState,
} from '#core/ports.ts';

/** @param deadLettersMax `put` refuses to hold more */
export function createMemoryDeadLetters(deadLettersMax = 100_000): DeadLetters {
  const letters = new Map<string, DeadLetterEntry>();
  return {
    kind: 'memory',
    async put(added) {
      const fresh = new Map(
        added
          .filter(({ id }) => !letters.has(id))
          .toReversed()
          .map((letter) => [letter.id, letter]),
      );
      if (letters.size + fresh.size > deadLettersMax) {
        throw new DependencyError(
          'dead-letters',
          'dead_letters_full',
          `The dead-letter queue holds its maximum of ${deadLettersMax}.`,
          { retryable: true },
        );
      }
      for (const letter of fresh.values())
        letters.set(letter.id, {
          ...copyOf(letter),
          ...openStatus,
          valueBytes: letter.value.length,
        });
    },
    async setStatus(changes) {
      for (const { id, status } of changes) {
        const letter = letters.get(id);
        if (letter !== undefined)
          letters.set(id, { ...letter, ...(status.state === 'purged' ? nothing : {}), ...status });
      }
    },
    async list(query) {
      const found = [...letters.values()]
        .filter((letter) => matches(letter, query))
        .toSorted(newestFirst)
        .slice(0, query.limit);
      return found.map((letter) =>
        copyOf({ ...letter, value: letter.value.subarray(0, query.valueBytesMax) }),
      );
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

/** What a purge leaves of a record. */
const nothing = { key: null, value: new Uint8Array(), headers: {} } as const;

function newestFirst(a: DeadLetterCursor, b: DeadLetterCursor): number {
  return b.failedAt - a.failedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

/** Times include both ends. */
function matches(
  letter: DeadLetterEntry,
  { reason, state, since, until, text, after }: DeadLetterQuery,
): boolean {
  return (
    (reason === undefined || letter.reason === reason) &&
    (state === undefined || letter.state === state) &&
    (since === undefined || letter.failedAt >= since) &&
    (until === undefined || letter.failedAt <= until) &&
    (text === undefined || holds(utf8.encode(letter.message), text) || holds(letter.value, text)) &&
    (after === undefined || newestFirst(after, letter) < 0)
  );
}

const utf8 = new TextEncoder();
/** One character per byte, whatever the bytes are. */
const bytewise = new TextDecoder('latin1');

const plain = (bytes: Uint8Array): string =>
  bytewise.decode(bytes).replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

const holds = (bytes: Uint8Array, text: string): boolean =>
  plain(bytes).includes(plain(utf8.encode(text)));

function copyOf<T extends DeadLetter>(letter: T): T {
  return {
    ...letter,
    key: letter.key && new Uint8Array(letter.key),
    value: new Uint8Array(letter.value),
    headers: Object.fromEntries(
      Object.entries(letter.headers).map(([name, header]) => [name, new Uint8Array(header)]),
    ),
  };
}
