// Appends events to the log in the data folder. An answered append is durable, and the sources have
// been notified of it.

import { at } from '#core/errors/assert.ts';
import type { EventSink } from '#core/ports.ts';
import { packLogRecords } from './record-codec.ts';
import type { WorkerClient } from './worker-rpc.ts';
import type { WriterApi } from './writer-api.ts';

/**
 * Disposing it does nothing: the workers belong to `openEmbedded`.
 *
 * @param onAppend called after each append that succeeded
 */
export function createEmbeddedSink(
  writer: WorkerClient<WriterApi>,
  topic: string,
  onAppend: () => void,
): EventSink {
  return {
    async append(records) {
      if (records.length === 0) return [];
      const { partitions, offsets } = await writer.call('append', packLogRecords(records));
      onAppend();
      return Array.from(offsets, (offset, index) => ({
        topic,
        partition: at(partitions, index),
        offset,
      }));
    },
    erase: (request) => writer.call('eraseRecords', request),
    async [Symbol.asyncDispose]() {},
  };
}
