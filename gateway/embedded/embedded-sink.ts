// Appends events to the log in the data folder: durable when it answers, and on its way to the
// sources at once.

import type { EventSink } from '#core/ports.ts';
import { packHeaders, packRecords } from './record-codec.ts';
import type { WorkerClient } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

/**
 * `appended` is called after each append that succeeded. Nothing to dispose: the workers belong to
 * `openEmbedded`.
 */
export function createEmbeddedSink(
  writer: WorkerClient<WriterApi>,
  topic: string,
  appended: () => void,
): EventSink {
  return {
    async append(records) {
      if (records.length === 0) return [];
      const packed = packRecords(
        records.map(({ timestamp, key, headers, value }) => ({
          timestamp,
          key,
          headers: packHeaders(headers),
          value,
        })),
      );
      const { partitions, offsets } = await writer.call('append', packed);
      appended();
      return Array.from(offsets, (offset, index) => ({
        topic,
        partition: partitions[index] ?? 0,
        offset,
      }));
    },
    async [Symbol.asyncDispose]() {},
  };
}
