// The dead-letter queue in the data folder.

import type { DeadLetterEntry, DeadLetters } from '#core/ports.ts';
import type { ReaderApi } from './reader.ts';
import { packHeaders, packRecords, unpackHeaders, unpackRecords } from './record-codec.ts';
import { wholePage } from './sql/dead-letter-search.ts';
import type { Letters } from './sql/dead-letter-tables.ts';
import type { Client } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

/** Nothing to dispose: the workers belong to `openEmbedded`. */
export function createEmbeddedDeadLetters(
  writer: Client<WriterApi>,
  reader: Client<ReaderApi>,
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
      await writer.call('putLetters', { rows, packed });
    },
    async setStatus(changes) {
      if (changes.length > 0) await writer.call('setLetterStatus', changes);
    },
    list: (query) =>
      wholePage(query, async (part) => {
        const found = await reader.call('listLetters', part);
        return { items: entriesOf(found), next: found.next };
      }),
    get: async (id) => entriesOf(await reader.call('getLetter', id))[0] ?? null,
    stats: () => reader.call('letterStats', undefined),
    async [Symbol.asyncDispose]() {},
  };
}

function entriesOf({ rows, packed }: Letters): DeadLetterEntry[] {
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
