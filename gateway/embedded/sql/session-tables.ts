// Which texts a runner's session embedded, and the vectors taken from those that are not to be
// believed.
//
// A withheld text is one that no session embedded (`nobody`), and it has no row among the vectors.

import type { DatabaseSync } from 'node:sqlite';
import type { BareText, SessionMark, SessionWork } from '#core/ports.ts';
import { uuidText } from './uuid-bytes.ts';

export type SessionWrites = {
  markSession(mark: SessionMark): void;
  unmarkSession(runnerSession: string): void;
  /** A bounded step; `true` says to call again. */
  withholdTexts(work: SessionWork): boolean;
};

export type SessionReads = {
  sessionMarks(): readonly SessionMark[];
  textsEmbeddedBy(request: SessionWork & { readonly limit: number }): readonly BareText[];
};

export const withheldSession = '';

/** A few milliseconds of the writer's work. */
const withholdMax = 1_000;
const marksMax = 10_000;

export function createSessionWrites(database: DatabaseSync): SessionWrites {
  const mark = database.prepare(`
    INSERT INTO runner_sessions (id, good_until, renewed_at) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET good_until = excluded.good_until, renewed_at = excluded.renewed_at`);
  const unmark = database.prepare('DELETE FROM runner_sessions WHERE id = ?');
  const takeFromSession = database.prepare(`
    UPDATE texts SET runner_session = '${withheldSession}' WHERE key IN (
      SELECT key FROM texts INDEXED BY texts_by_session WHERE runner_session = ? AND embedded_at >= ? LIMIT ${withholdMax})
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
  const embeddedBy = database.prepare(
    'SELECT id, text, kind, product FROM texts INDEXED BY texts_by_session WHERE runner_session = ? AND embedded_at >= ? LIMIT ?',
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
      return embeddedBy.all(runnerSession, since, limit).map(({ id, text, kind, product }) => ({
        id: id instanceof Uint8Array ? uuidText(id) : '',
        text: String(text),
        kind: kind === 'query' ? 'query' : 'product',
        product: typeof product === 'string' ? JSON.parse(product) : null,
      }));
    },
  };
}
