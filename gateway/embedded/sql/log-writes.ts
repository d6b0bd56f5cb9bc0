// The write side of the log: offsets of a partition have no gaps, commits only go forward, and
// retention never deletes unread records.

import type { DatabaseSync } from 'node:sqlite';
import { at } from '#core/errors/assert.ts';
import { LogFullError } from '#core/errors/errors.ts';
import { createPartitioner } from '#core/event/partition-of-key.ts';
import { packedBytes, unpackRecords } from '../record-codec.ts';
import type { LogState, Partition } from './log-state.ts';

export type LogBounds = {
  /**
   * Most bytes that may be unread. An append that would exceed this is refused, unless the log has
   * nothing unread.
   */
  readonly unreadBytesMax: number;
  /** How many bytes of read records are kept, and for how long after a record was made. */
  readonly retentionBytes: number;
  readonly retentionMs: number;
};

export type GroupOffset = { readonly partition: number; readonly offset: number };

type RetentionStep = {
  /** UTC ms. */
  readonly now: number;
  readonly rowsMax: number;
};

export type LogWrites = {
  /** Positions of the records, in input order. */
  append(packed: Uint8Array): { readonly partitions: Uint16Array; readonly offsets: Float64Array };
  /**
   * Starts a group at its committed offsets, or at the oldest records, and returns these offsets.
   * From then on, retention spares what the group has not read.
   */
  join(groupId: string): readonly GroupOffset[];
  commit(request: { readonly groupId: string; readonly commits: readonly GroupOffset[] }): void;
  leave(groupId: string): void;
  /** Deletes up to `rowsMax` records. Call again while `more` is true. */
  retain(step: RetentionStep): { readonly deleted: number; readonly more: boolean };
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
    ON CONFLICT DO UPDATE
      SET next_offset = excluded.next_offset WHERE excluded.next_offset > next_offset`);

  return {
    append(packed) {
      refuseIfFull(log.unreadBytes(), packed.length, bounds);
      const records = unpackRecords(packed);
      const partitions = new Uint16Array(records.length);
      const offsets = new Float64Array(records.length);
      for (const [index, record] of records.entries()) {
        const number = partitionFor(record.key);
        const partition = at(log.partitions, number);
        partition.insert.run(
          partition.nextOffset,
          partition.nextPosition,
          record.timestamp,
          record.key,
          record.headers,
          record.value,
        );
        partitions[index] = number;
        offsets[index] = partition.nextOffset;
        partition.nextOffset += 1;
        partition.nextPosition += packedBytes(record);
      }
      return { partitions, offsets };
    },

    join(groupId) {
      for (const [index, { firstFrom, nextOffset }] of log.partitions.entries())
        commit.run(groupId, index, Number(firstFrom.get(0)?.['record_offset'] ?? nextOffset));
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
      const limits = {
        madeBefore: now - bounds.retentionMs,
        bytesMax: bounds.retentionBytes / log.partitions.length,
      };
      let deleted = 0;
      for (const partition of log.partitions)
        deleted += deleteOld(partition, { ...limits, rowsMax: Math.max(0, rowsMax - deleted) });
      return { deleted, more: deleted >= rowsMax };
    },
  };
}

/** An append that alone exceeds the bound is accepted once nothing is unread: see `LogBounds`. */
function refuseIfFull(unread: number, added: number, { unreadBytesMax }: LogBounds): void {
  if (unread === 0 || unread + added <= unreadBytesMax) return;
  throw new LogFullError(
    `The log holds ${unread} unread bytes, and ${added} more would exceed its bound of ` +
      `${unreadBytesMax}: send again when they have been processed.`,
  );
}

type OldRecords = {
  /** UTC ms. Older records are deleted. */
  readonly madeBefore: number;
  /** Read records beyond this many bytes are deleted, the oldest first. */
  readonly bytesMax: number;
  readonly rowsMax: number;
};

/** Deletes old records that every group has read; returns their number. */
function deleteOld(
  { unreadFrom, nextOffset, firstFrom, oldest, deleteBefore }: Partition,
  { madeBefore, bytesMax, rowsMax }: OldRecords,
): number {
  // The newest record always stays: the next offset is derived from it.
  const end = Math.min(unreadFrom, nextOffset - 1);
  const keepFrom = Number(firstFrom.get(end)?.['position'] ?? 0) - bytesMax;
  let before = -1;
  for (const row of oldest.all(end, rowsMax)) {
    if (Number(row['timestamp']) >= madeBefore && Number(row['position']) >= keepFrom) break;
    before = Number(row['record_offset']) + 1;
  }
  return before < 0 ? 0 : Number(deleteBefore.run(before).changes);
}
