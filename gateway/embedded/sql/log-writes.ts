// The write side of the log: offsets without gaps per partition, commits that only go forward, and
// retention that spares the unread.

import type { DatabaseSync } from 'node:sqlite';
import { LogFullError } from '#core/errors/errors.ts';
import { createPartitioner } from '#core/event/partition-of-key.ts';
import { packedBytes, unpackRecords } from '../record-codec.ts';

export type LogBounds = {
  /**
   * Bytes that may wait to be read; more are refused, but for one append to a log in which nothing
   * waits.
   */
  readonly unreadBytesMax: number;
  /** Of what was read: how much is kept, and for how long after the record was made. */
  readonly retentionBytes: number;
  readonly retentionMs: number;
};

export type GroupOffset = { readonly partition: number; readonly offset: number };

export type LogWrites = {
  /** Positions of the records, in input order. */
  append(packed: Uint8Array): { readonly partitions: Uint16Array; readonly offsets: Float64Array };
  /**
   * Starts a group where it left off, else at the oldest record, and returns its offsets. From now
   * on it holds back retention.
   */
  join(groupId: string): readonly GroupOffset[];
  commit(request: { readonly groupId: string; readonly commits: readonly GroupOffset[] }): void;
  leave(groupId: string): void;
  /** Deletes up to `rowsMax` records; `more` says to call again. `now` is UTC ms. */
  retain(request: { readonly now: number; readonly rowsMax: number }): {
    readonly deleted: number;
    readonly more: boolean;
  };
};

export function createLogWrites(
  database: DatabaseSync,
  log: LogState,
  bounds: LogBounds,
): LogWrites {
  const partitionFor = createPartitioner(log.partitions.length);
  const committed = database.prepare(
    'SELECT partition, next_offset FROM commits WHERE group_id = ? ORDER BY partition',
  );
  const commit = database.prepare(`
    INSERT INTO commits (group_id, partition, next_offset) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset WHERE excluded.next_offset > next_offset`);

  return {
    append(packed) {
      const waiting = log.unreadBytes();
      // What is larger than the bound alone would be sent again for ever.
      if (waiting > 0 && waiting + packed.length > bounds.unreadBytesMax) {
        throw new LogFullError(
          `The log holds ${waiting} unread bytes, and ${packed.length} more would pass its bound of ${bounds.unreadBytesMax}: send again when they have been processed.`,
        );
      }
      const records = unpackRecords(packed);
      const partitions = new Uint16Array(records.length);
      const offsets = new Float64Array(records.length);
      for (const [index, record] of records.entries()) {
        const at = partitionFor(record.key);
        const partition = log.partition(at);
        partition.insert.run(
          partition.nextOffset,
          partition.nextPosition,
          record.timestamp,
          record.key,
          record.headers,
          record.value,
        );
        partitions[index] = at;
        offsets[index] = partition.nextOffset;
        partition.nextOffset += 1;
        partition.nextPosition += packedBytes(record);
      }
      return { partitions, offsets };
    },

    join(groupId) {
      for (const [index, partition] of log.partitions.entries()) {
        commit.run(
          groupId,
          index,
          Number(partition.firstFrom.get(0)?.['record_offset'] ?? partition.nextOffset),
        );
      }
      log.members.add(groupId);
      log.loadUnread();
      return committed.all(groupId).map((row) => ({
        partition: Number(row['partition']),
        offset: Number(row['next_offset']),
      }));
    },

    commit({ groupId, commits }) {
      for (const { partition, offset } of commits) commit.run(groupId, partition, offset);
      log.loadUnread();
    },

    leave(groupId) {
      log.members.delete(groupId);
      log.loadUnread();
    },

    retain({ now, rowsMax }) {
      if (log.members.size === 0) return { deleted: 0, more: false };
      let deleted = 0;
      for (const { unreadFrom, nextOffset, firstFrom, oldest, deleteBefore } of log.partitions) {
        // The newest record stays: the next offset is read from it.
        const end = Math.min(unreadFrom, nextOffset - 1);
        const keepFrom =
          Number(firstFrom.get(end)?.['position'] ?? 0) -
          bounds.retentionBytes / log.partitions.length;
        let before = -1;
        for (const row of oldest.all(end, Math.max(0, rowsMax - deleted))) {
          if (
            Number(row['timestamp']) >= now - bounds.retentionMs &&
            Number(row['position']) >= keepFrom
          )
            break;
          before = Number(row['record_offset']) + 1;
        }
        if (before >= 0) deleted += Number(deleteBefore.run(before).changes);
      }
      return { deleted, more: deleted >= rowsMax };
    },
  };
}

type Partition = ReturnType<typeof partitionOf>;

/**
 * Where the partitions end and what of them is unread: kept in memory, and read anew after a
 * rollback.
 */
export class LogState {
  readonly partitions: readonly Partition[];
  /**
   * Groups that read in this process. The slowest of them holds back retention; before the first
   * joins, every group known does.
   */
  readonly members = new Set<string>();
  readonly #commits;

  constructor(database: DatabaseSync, count: number) {
    this.partitions = Array.from({ length: count }, (_, index) => partitionOf(database, index));
    this.#commits = database.prepare('SELECT group_id, partition, next_offset FROM commits');
    this.reload();
  }

  partition(index: number): Partition {
    const partition = this.partitions[index];
    if (partition === undefined) throw new RangeError(`The log has no partition ${index}.`);
    return partition;
  }

  reload(): void {
    for (const partition of this.partitions) {
      const row = partition.last.get();
      partition.nextOffset = row === undefined ? 0 : Number(row['record_offset']) + 1;
      partition.nextPosition =
        row === undefined ? 0 : Number(row['position']) + Number(row['size']);
    }
    this.loadUnread();
  }

  loadUnread(): void {
    const slowest = new Map<number, number>();
    for (const row of this.#commits.all()) {
      if (this.members.size > 0 && !this.members.has(String(row['group_id']))) continue;
      const index = Number(row['partition']);
      slowest.set(index, Math.min(slowest.get(index) ?? Infinity, Number(row['next_offset'])));
    }
    for (const [index, partition] of this.partitions.entries())
      partition.unreadFrom = slowest.get(index) ?? 0;
  }

  unreadBytes(): number {
    let bytes = 0;
    for (const { firstFrom, unreadFrom, nextPosition } of this.partitions) {
      const first = firstFrom.get(unreadFrom);
      if (first !== undefined) bytes += nextPosition - Number(first['position']);
    }
    return bytes;
  }
}

function partitionOf(database: DatabaseSync, index: number) {
  const table = `log_${index}`;
  return {
    nextOffset: 0,
    nextPosition: 0,
    unreadFrom: 0,
    insert: database.prepare(
      `INSERT INTO ${table} (record_offset, position, timestamp, key, headers, value) VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    last: database.prepare(
      `SELECT record_offset, position, ${storedBytes} AS size FROM ${table} ORDER BY record_offset DESC LIMIT 1`,
    ),
    firstFrom: database.prepare(
      `SELECT record_offset, position FROM ${table} WHERE record_offset >= ? ORDER BY record_offset LIMIT 1`,
    ),
    oldest: database.prepare(
      `SELECT record_offset, position, timestamp FROM ${table} WHERE record_offset < ? ORDER BY record_offset LIMIT ?`,
    ),
    deleteBefore: database.prepare(`DELETE FROM ${table} WHERE record_offset < ?`),
  };
}

/** `packedBytes` of a stored record. */
const storedBytes = '20 + ifnull(length(key), 0) + length(headers) + length(value)';
