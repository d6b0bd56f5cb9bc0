// Empties the records of the log that are about a person. Their places stay, so that offsets have
// no gaps.

import type { DatabaseSync } from 'node:sqlite';
import { erasedHeader, isAbout } from '#core/erasure/record-concerns.ts';
import type { EventSink, LogErasure } from '#core/ports.ts';
import { packHeaders } from '../record-codec.ts';
import type { GroupOffset } from './log-writes.ts';

type Erased = Awaited<ReturnType<NonNullable<EventSink['erase']>>>;

export type LogErasureWrites = {
  eraseRecords(request: LogErasure): Erased;
  emptyRecord(position: GroupOffset): void;
};

/** Records that one call reads at most. */
const readMax = 1_000;
/** JSON may write any character as an escape, and a slash with a backslash. */
const escapes = ['\\u', '\\/'];

export function createLogErasure(database: DatabaseSync, partitions: number): LogErasureWrites {
  const headers = packHeaders({ [erasedHeader]: new Uint8Array(0) });
  const tables = Array.from({ length: partitions }, (_, partition) => ({
    read: database.prepare(`
      SELECT record_offset, timestamp, key, value FROM log_${partition}
      WHERE record_offset >= ? ORDER BY record_offset LIMIT ${readMax}`),
    empty: database.prepare(`
      UPDATE log_${partition} SET key = NULL, headers = ?, value = x'' WHERE record_offset = ?`),
  }));

  return {
    emptyRecord({ partition, offset }) {
      tables[partition]?.empty.run(headers, offset);
    },

    eraseRecords({ userId, sessionIds, until, from: { partition, offset } }) {
      const table = tables[partition];
      if (table === undefined) return { records: 0, next: null };
      const person = { userId, sessionIds: new Set(sessionIds) };
      // Most records are about others: only those that may hold one of these are parsed.
      const needles = [userId, ...sessionIds, ...escapes].map((text) => Buffer.from(text));
      const rows = table.read.all(offset);
      let records = 0;
      for (const row of rows) {
        const [key, value] = [bytesOf(row['key']), bytesOf(row['value'])];
        if (value === null || value.length === 0 || Number(row['timestamp']) > until) continue;
        const holds = (bytes: Buffer | null): boolean =>
          bytes !== null && needles.some((needle) => bytes.includes(needle));
        if ((!holds(value) && !holds(key)) || !isAbout(person, { key, value })) continue;
        table.empty.run(headers, Number(row['record_offset']));
        records += 1;
      }
      const last = rows.at(-1);
      const next =
        last !== undefined && rows.length === readMax
          ? { partition, offset: Number(last['record_offset']) + 1 }
          : partition + 1 < partitions
            ? { partition: partition + 1, offset: 0 }
            : null;
      return { records, next };
    },
  };
}

const bytesOf = (value: unknown): Buffer | null =>
  value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : null;
