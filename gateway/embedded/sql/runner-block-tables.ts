// Keeps in `vectorstream.db` which runners may not join.

import type { DatabaseSync } from 'node:sqlite';
import type { RunnerBlock } from '#core/ports.ts';

export type RunnerBlockWrites = {
  putBlocks(blocks: readonly RunnerBlock[]): void;
  removeBlocks(blocks: readonly Pick<RunnerBlock, 'kind' | 'subject'>[]): void;
};
export type RunnerBlockReads = { blocksSince(at: number): readonly RunnerBlock[] };

export function createRunnerBlockWrites(database: DatabaseSync): RunnerBlockWrites {
  const put = database.prepare(`
    INSERT INTO runner_blocks (kind, subject_by, subject_id, reason, at, until, times)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET reason = excluded.reason, at = excluded.at, until = excluded.until,
      times = excluded.times
    WHERE excluded.at > at`);
  const remove = database.prepare(
    'DELETE FROM runner_blocks WHERE kind = ? AND subject_by = ? AND subject_id = ?',
  );
  return {
    putBlocks(blocks) {
      for (const { kind, subject, reason, at, until, times } of blocks)
        put.run(kind, subject.by, subject.id, reason, at, until, times);
    },
    removeBlocks(blocks) {
      for (const { kind, subject } of blocks) remove.run(kind, subject.by, subject.id);
    },
  };
}

export function createRunnerBlockReads(database: DatabaseSync): RunnerBlockReads {
  const since = database.prepare(`
    SELECT kind, subject_by, subject_id, reason, at, until, times
    FROM runner_blocks INDEXED BY runner_blocks_by_time WHERE at >= ?`);
  return {
    blocksSince: (from) =>
      since.all(from).map((row) => ({
        kind: row['kind'] === 'revocation' ? 'revocation' : 'quarantine',
        subject: {
          by: row['subject_by'] === 'token' ? 'token' : 'address',
          id: String(row['subject_id']),
        },
        reason: String(row['reason']),
        at: Number(row['at']),
        until: Number(row['until']),
        times: Number(row['times']),
      })),
  };
}
