// The dead-letter queue in the data folder.

import type { DeadLetters } from '#core/ports.ts';
import type { ReaderApi } from './reader.ts';
import { packLogRecords } from './record-codec.ts';
import { wholePage } from './sql/dead-letter-search.ts';
import { unpackDeadLetters } from './sql/dead-letter-tables.ts';
import type { WorkerClient } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

/** Disposing it does nothing: the workers belong to `openEmbedded`. */
export function createEmbeddedDeadLetters(
  writer: WorkerClient<WriterApi>,
  reader: WorkerClient<ReaderApi>,
): DeadLetters {
  return {
    kind: 'embedded',
    async put(deadLetters) {
      if (deadLetters.length === 0) return;
      const packed = packLogRecords(deadLetters);
      const rows = deadLetters.map(
        ({ key: _key, value, headers: _headers, timestamp: _timestamp, ...row }) => ({
          ...row,
          valueBytes: value.length,
        }),
      );
      await writer.call('putDeadLetters', { rows, packed });
    },
    async erase(ids) {
      if (ids.length > 0) await writer.call('eraseDeadLetters', ids);
    },
    async setStatus(changes) {
      if (changes.length > 0) await writer.call('setDeadLetterStatus', changes);
    },
    list: (query) =>
      wholePage(query, async (part) => {
        const found = await reader.call('listDeadLetters', part);
        return { items: unpackDeadLetters(found), next: found.next };
      }),
    get: async (id) => unpackDeadLetters(await reader.call('getDeadLetter', id))[0] ?? null,
    stats: () => reader.call('deadLetterStats', undefined),
    async [Symbol.asyncDispose]() {},
  };
}
