// The read side of the log: ranges of records, taken in turn from every partition, and how far a
// group is behind.

import type { DatabaseSync } from 'node:sqlite';
import type { PartitionLag } from '#core/ports.ts';
import { packedBytes, type PackedRecord, packRecords } from '../record-codec.ts';
import type { GroupOffset } from './log-writes.ts';

export type ReadRequest = {
  /**
   * Where to go on in each partition, and for how many records at most. What comes first in this
   * list is served first.
   */
  readonly from: readonly (GroupOffset & { readonly max: number })[];
  readonly recordsMax: number;
  /** At least one record is read, however large. */
  readonly bytesMax: number;
};
export type ReadAnswer = {
  readonly packed: Uint8Array;
  readonly partitions: Uint16Array;
  readonly offsets: Float64Array;
};

export type LogReads = {
  read(request: ReadRequest): ReadAnswer;
  lag(groupId: string): readonly PartitionLag[];
};

export function createLogReads(database: DatabaseSync, partitions: number): LogReads {
  const tables = Array.from({ length: partitions }, (_, partition) => ({
    from: database.prepare(
      `SELECT record_offset, timestamp, key, headers, value FROM log_${partition} WHERE record_offset >= ? ORDER BY record_offset LIMIT ?`,
    ),
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
        // An even share of what is left, so that no partition starves behind a long one.
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

type Row = Readonly<Record<string, unknown>>;

function recordOf(row: Row): PackedRecord {
  const { key, headers, value } = row;
  return {
    timestamp: Number(row['timestamp']),
    key: key instanceof Uint8Array ? key : null,
    headers: headers instanceof Uint8Array ? headers : empty,
    value: value instanceof Uint8Array ? value : empty,
  };
}

const empty = new Uint8Array(0);
