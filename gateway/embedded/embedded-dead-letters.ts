// The dead-letter queue in the data folder.

import type { DeadLetterEntry, DeadLetters } from '#core/ports.ts';
import type { ReaderApi } from './reader.ts';
import { packHeaders, packRecords, unpackHeaders, unpackRecords } from './record-codec.ts';
import { wholePage } from './sql/dead-letter-search.ts';
import type { PackedDeadLetters } from './sql/dead-letter-tables.ts';
import type { WorkerClient } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

/** Nothing to dispose: the workers belong to `openEmbedded`. */
export function createEmbeddedDeadLetters(
  writer: WorkerClient<WriterApi>,
  reader: WorkerClient<ReaderApi>,
): DeadLetters {
  return {
    kind: 'embedded',
    async put(letters) {
      if (letters.length === 0) return;
      const packed = packRecords(
        letters.map(({ timestamp, key, headers, value }) => ({
          timestamp,
          key,
          headers: packHeaders(headers),
          value,
        })),
      );
      const rows = letters.map(
        (
          { key: _key, value: _value, headers: _headers, timestamp: _timestamp, ...row },
          index,
        ) => ({ ...row, valueBytes: letters[index]?.value.length ?? 0 }),
      );
      await writer.call('putDeadLetters', { rows, packed });
    },
    async setStatus(changes) {
      if (changes.length > 0) await writer.call('setDeadLetterStatus', changes);
    },
    list: (query) =>
      wholePage(query, async (part) => {
        const found = await reader.call('listDeadLetters', part);
        return { items: entriesOf(found), next: found.next };
      }),
    get: async (id) => entriesOf(await reader.call('getDeadLetter', id))[0] ?? null,
    stats: () => reader.call('deadLetterStats', undefined),
    async [Symbol.asyncDispose]() {},
  };
}

function entriesOf({ rows, packed }: PackedDeadLetters): DeadLetterEntry[] {
  return unpackRecords(packed).flatMap((record, index) => {
    const row = rows[index];
    return row === undefined
      ? []
      : [
          {
            ...row,
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            headers: unpackHeaders(record.headers),
          },
        ];
  });
}
