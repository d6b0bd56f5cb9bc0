// The read side of the log: reads records from all partitions in turn, and reports how far behind a
// consumer group is.

import type { DatabaseSync } from 'node:sqlite';
import type { PartitionLag } from '#core/ports.ts';
import { packedBytes, type PackedRecord, packRecords } from '../record-codec.ts';
import type { GroupOffset } from './log-writes.ts';

type ReadRequest = {
  /**
   * The next offset to read from each partition, and the most records to read. Partitions that come
   * first in this list are served first.
   */
  readonly from: readonly (GroupOffset & { readonly max: number })[];
  readonly recordsMax: number;
  /** The most bytes of an answer. At least one record is read, however large it is. */
  readonly bytesMax: number;
};
/** `partitions` and `offsets` have one item for each record in `packed`, in the same order. */
export type ReadAnswer = {
  readonly packed: Uint8Array;
  readonly partitions: Uint16Array;
  readonly offsets: Float64Array;
};

export type LogReads = {
  read(request: ReadRequest): ReadAnswer;
  lag(groupId: string): readonly Omit<PartitionLag, 'topic'>[];
};

export function createLogReads(database: DatabaseSync, partitions: number): LogReads {
  const tables = Array.from({ length: partitions }, (_, partition) => ({
    from: database.prepare(`
      SELECT record_offset, timestamp, key, headers, value FROM log_${partition}
      WHERE record_offset >= ? ORDER BY record_offset LIMIT ?`),
    last: database.prepare(
      `SELECT record_offset FROM log_${partition} ORDER BY record_offset DESC LIMIT 1`,
    ),
  }));
  const committed = database.prepare(
    'SELECT partition, next_offset FROM commits WHERE group_id = ? ORDER BY partition',
  );

  return {
    read({ from, recordsMax, bytesMax }) {
      const records: PackedRecord[] = [];
      const partitionsRead: number[] = [];
      const offsets: number[] = [];
      let bytes = 0;
      for (const [index, { partition, offset, max }] of from.entries()) {
        // An even share of what is left, so that a long partition does not starve the others.
        const share = Math.min(
          max,
          Math.ceil((recordsMax - records.length) / (from.length - index)),
        );
        const bytesEnd = bytes + (bytesMax - bytes) / (from.length - index);
        for (const row of tables[partition]?.from.iterate(offset, share) ?? []) {
          const record = recordOf(row);
          bytes += packedBytes(record);
          if (bytes > bytesEnd && records.length > 0) break;
          records.push(record);
          partitionsRead.push(partition);
          offsets.push(Number(row['record_offset']));
        }
      }
      return {
        packed: packRecords(records),
        partitions: Uint16Array.from(partitionsRead),
        offsets: Float64Array.from(offsets),
      };
    },

    lag(groupId) {
      return committed.all(groupId).flatMap((row) => {
        const partition = Number(row['partition']);
        const last = tables[partition]?.last.get();
        const end = last === undefined ? 0 : Number(last['record_offset']) + 1;
        return [{ partition, lag: Math.max(0, end - Number(row['next_offset'])) }];
      });
    },
  };
}

function recordOf(row: Readonly<Record<string, unknown>>): PackedRecord {
  const { key, headers, value } = row;
  return {
    timestamp: Number(row['timestamp']),
    key: key instanceof Uint8Array ? key : null,
    headers: headers instanceof Uint8Array ? headers : empty,
    value: value instanceof Uint8Array ? value : empty,
  };
}

const empty = new Uint8Array(0);
