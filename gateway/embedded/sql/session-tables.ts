// Records which texts each runner session embedded, and withholds vectors from untrusted sessions.
//
// A withheld text keeps its row in `texts`, but has no vector. Its session is `withheldSession`, so
// that no runner session owns it.

import type { DatabaseSync } from 'node:sqlite';
import type { BareText, SessionMark, SessionWork } from '#core/ports.ts';
import { bareTextOf, uuidOf } from './stored-rows.ts';
import { uuidBytes } from './uuid-bytes.ts';

export type SessionWrites = {
  markSession(mark: SessionMark): void;
  unmarkSession(runnerSession: string): void;
  /** Withholds texts in one bounded step. Call again while the result is `true`. */
  withholdTexts(work: SessionWork): boolean;
};

export type SessionReads = {
  sessionMarks(): readonly SessionMark[];
  textsEmbeddedBy(request: SessionWork & { readonly limit: number }): readonly BareText[];
  textsAfter(request: {
    readonly after: string | null;
    readonly limit: number;
  }): readonly BareText[];
};

export const withheldSession = '';

/** Texts that one step withholds: a few milliseconds of the writer's work. */
const withholdMax = 1_000;
const marksMax = 10_000;

export function createSessionWrites(database: DatabaseSync): SessionWrites {
  const mark = database.prepare(`
    INSERT INTO runner_sessions (id, good_until, renewed_at) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE
      SET good_until = excluded.good_until, renewed_at = excluded.renewed_at`);
  const unmark = database.prepare('DELETE FROM runner_sessions WHERE id = ?');
  const takeFromSession = database.prepare(`
    UPDATE texts SET runner_session = '${withheldSession}' WHERE key IN (
      SELECT key FROM texts INDEXED BY texts_by_session
      WHERE runner_session = ? AND embedded_at >= ? LIMIT ${withholdMax})
    RETURNING key`);
  const deleteVector = database.prepare('DELETE FROM vectors WHERE text = ?');

  return {
    markSession({ runnerSession, verifiedUntil, renewedAt }) {
      mark.run(runnerSession, verifiedUntil, renewedAt);
    },
    unmarkSession(runnerSession) {
      unmark.run(runnerSession);
    },
    withholdTexts({ runnerSession, since }) {
      const taken = takeFromSession.all(runnerSession, since);
      for (const { key } of taken) deleteVector.run(Number(key));
      return taken.length === withholdMax;
    },
  };
}

export function createSessionReads(database: DatabaseSync): SessionReads {
  const marks = database.prepare(
    `SELECT id, good_until, renewed_at FROM runner_sessions LIMIT ${marksMax}`,
  );
  const embeddedBy = database.prepare(`
    SELECT id, text, kind, product FROM texts INDEXED BY texts_by_session
    WHERE runner_session = ? AND embedded_at >= ? LIMIT ?`);
  const textsAfter = database.prepare(
    'SELECT id, text, kind, product FROM texts WHERE id > ? ORDER BY id LIMIT ?',
  );

  return {
    sessionMarks() {
      return marks.all().map((row) => ({
        runnerSession: String(row['id']),
        verifiedUntil: Number(row['good_until']),
        renewedAt: Number(row['renewed_at']),
      }));
    },
    textsEmbeddedBy({ runnerSession, since, limit }) {
      return embeddedBy
        .all(runnerSession, since, limit)
        .map((row) => bareTextOf(uuidOf(row['id']), row));
    },
    textsAfter({ after, limit }) {
      const last = after === null ? null : uuidBytes(after);
      return textsAfter
        .all(last ?? new Uint8Array(), limit)
        .map((row) => bareTextOf(uuidOf(row['id']), row));
    },
  };
}
