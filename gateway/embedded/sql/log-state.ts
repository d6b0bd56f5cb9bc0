// Keeps in memory where each partition of the log ends and from where on it is unread.

import type { DatabaseSync } from 'node:sqlite';

export type Partition = ReturnType<typeof partitionOf>;

/** Call `reload` after a rollback: it reads the state from the database again. */
export class LogState {
  readonly partitions: readonly Partition[];
  /**
   * Groups that read in this process. Retention keeps what the slowest of them has not read. Before
   * the first group joins, it keeps what any known group has not read.
   */
  readonly members = new Set<string>();
  readonly #commits;

  constructor(database: DatabaseSync, count: number) {
    this.partitions = Array.from({ length: count }, (_, index) => partitionOf(database, index));
    this.#commits = database.prepare('SELECT group_id, partition, next_offset FROM commits');
    this.reload();
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

/** `packedBytes` of a stored record. */
const storedBytes = '20 + ifnull(length(key), 0) + length(headers) + length(value)';

function partitionOf(database: DatabaseSync, index: number) {
  const table = `log_${index}`;
  return {
    nextOffset: 0,
    /** Bytes of all records before the next one, deleted ones included. */
    nextPosition: 0,
    unreadFrom: 0,
    insert: database.prepare(`
      INSERT INTO ${table} (record_offset, position, timestamp, key, headers, value)
      VALUES (?, ?, ?, ?, ?, ?)`),
    last: database.prepare(`
      SELECT record_offset, position, ${storedBytes} AS size FROM ${table}
      ORDER BY record_offset DESC LIMIT 1`),
    firstFrom: database.prepare(`
      SELECT record_offset, position FROM ${table}
      WHERE record_offset >= ? ORDER BY record_offset LIMIT 1`),
    oldest: database.prepare(`
      SELECT record_offset, position, timestamp FROM ${table}
      WHERE record_offset < ? ORDER BY record_offset LIMIT ?`),
    deleteBefore: database.prepare(`DELETE FROM ${table} WHERE record_offset < ?`),
  };
}
