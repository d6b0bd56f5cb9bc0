// The reference dead-letter queue: idempotent by id, newest first, every byte unchanged.

import { DependencyError } from '#core/errors/errors.ts';
import { deadLetterId, deadLetterIdOfPosition } from '#core/event/dead-letter-id.ts';
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
import { assertLimit } from './contract-limits.ts';
import { untilDisposed } from './until-disposed.ts';

/** @param deadLettersMax the most dead letters that the queue holds; `put` refuses more */
export function createMemoryDeadLetters(deadLettersMax = 100_000): DeadLetters {
  const entries = new Map<string, DeadLetterEntry>();
  const isKnown = (deadLetter: DeadLetter): boolean => {
    const older = entries.get(deadLetterIdOfPosition(deadLetter.origin));
    return (
      entries.has(deadLetter.id) ||
      (older !== undefined && deadLetterId(older.origin, older) === deadLetter.id)
    );
  };
  return untilDisposed('A memory dead-letter queue', {
    kind: 'memory',
    async put(deadLetters) {
      // Reversed, because of two with the same id the first counts.
      const added = new Map(
        deadLetters
          .filter((deadLetter) => !isKnown(deadLetter))
          .toReversed()
          .map((deadLetter) => [deadLetter.id, deadLetter]),
      );
      if (entries.size + added.size > deadLettersMax)
        throw new DependencyError(
          'dead-letters',
          'dead_letters_full',
          `The dead-letter queue holds its maximum of ${deadLettersMax}.`,
          { retryable: true },
        );
      for (const [id, deadLetter] of added) {
        const valueBytes = deadLetter.value.length;
        entries.set(id, { ...copyOf(deadLetter), ...openStatus, valueBytes });
      }
    },
    async setStatus(changes) {
      for (const { id, status } of changes) {
        const entry = entries.get(id);
        if (entry === undefined) continue;
        entries.set(id, {
          ...entry,
          ...(status.state === 'purged' ? purgedRecord : {}),
          ...status,
        });
      }
    },
    async erase(ids) {
      for (const id of ids) entries.delete(id);
    },
    async list(query) {
      assertLimit(query.limit, 1_000, 'Dead letters');
      return [...entries.values()]
        .filter((entry) => matches(entry, query))
        .toSorted(newestFirst)
        .slice(0, query.limit)
        .map((entry) => copyOf({ ...entry, value: entry.value.subarray(0, query.valueBytesMax) }));
    },
    async get(id) {
      const entry = entries.get(id);
      return entry === undefined ? null : copyOf(entry);
    },
    async stats() {
      const byState: Record<DeadLetterState, number> = { open: 0, replayed: 0, purged: 0 };
      const byReason: Partial<Record<DeadLetterReason, number>> = {};
      const openByReason: Partial<Record<DeadLetterReason, number>> = {};
      let oldestOpenAt: number | null = null;
      for (const { state, reason, failedAt } of entries.values()) {
        byState[state] += 1;
        byReason[reason] = (byReason[reason] ?? 0) + 1;
        if (state !== 'open') continue;
        openByReason[reason] = (openByReason[reason] ?? 0) + 1;
        oldestOpenAt = Math.min(oldestOpenAt ?? failedAt, failedAt);
      }
      return { byState, byReason, openByReason, oldestOpenAt };
    },
    async [Symbol.asyncDispose]() {},
  });
}

/** What a purge leaves of the original record. */
const purgedRecord = { key: null, value: new Uint8Array(), headers: {} } as const;

function newestFirst(a: DeadLetterCursor, b: DeadLetterCursor): number {
  return b.failedAt - a.failedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

/** `since` and `until` are inclusive. */
function matches(
  entry: DeadLetterEntry,
  { reason, state, since, until, text, after }: DeadLetterQuery,
): boolean {
  return (
    (reason === undefined || entry.reason === reason) &&
    (state === undefined || entry.state === state) &&
    (since === undefined || entry.failedAt >= since) &&
    (until === undefined || entry.failedAt <= until) &&
    (text === undefined ||
      contains(utf8.encode(entry.message), text) ||
      contains(entry.value, text)) &&
    (after === undefined || newestFirst(after, entry) < 0)
  );
}

const utf8 = new TextEncoder();
/** Maps each byte to one character, so that any bytes can be searched as text. */
const bytewise = new TextDecoder('latin1');

const lowerCase = (bytes: Uint8Array): string =>
  bytewise.decode(bytes).replaceAll(/[A-Z]/g, (character) => character.toLowerCase());

const contains = (bytes: Uint8Array, text: string): boolean =>
  lowerCase(bytes).includes(lowerCase(utf8.encode(text)));

function copyOf<T extends DeadLetter>(deadLetter: T): T {
  return {
    ...deadLetter,
    key: deadLetter.key && new Uint8Array(deadLetter.key),
    value: new Uint8Array(deadLetter.value),
    headers: Object.fromEntries(
      Object.entries(deadLetter.headers).map(([name, header]) => [name, new Uint8Array(header)]),
    ),
  };
}
