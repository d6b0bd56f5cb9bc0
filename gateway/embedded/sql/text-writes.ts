// Writes texts with their vectors, each text once, and says which texts are stored.

import type { DatabaseSync } from 'node:sqlite';
import type { Provenance } from '#core/ports.ts';
import { withheldSession } from './session-tables.ts';
import { productOf } from './stored-rows.ts';
import type { TextReferences } from './text-references.ts';
import { uuidBytes } from './uuid-bytes.ts';
import { TextWords } from './word-tables.ts';

/**
 * A text without its vector. Rows are tuples because a thousand of them move to the writer's thread
 * at a time.
 */
export type TextRow = readonly [
  id: string,
  text: string,
  kind: 'product' | 'query',
  product: string | null,
  provenance: Provenance,
];

type TextsToPut = {
  /** Ids are UUIDs. */
  readonly rows: readonly TextRow[];
  /** One valid vector for each row, one after the other. */
  readonly vectors: Float32Array;
  /** UTC ms. */
  readonly now: number;
};

export type TextWrites = {
  /**
   * The ids among `ids` of texts that are stored with a vector. A text without events starts its
   * grace period again at `now` (UTC ms).
   */
  knownTexts(request: { readonly ids: readonly string[]; readonly now: number }): readonly string[];
  putTexts(texts: TextsToPut): void;
};

export function createTextWrites(database: DatabaseSync, references: TextReferences): TextWrites {
  const textById = database.prepare('SELECT 1 FROM texts WHERE id = ?');
  const withVector = database.prepare(`
    SELECT key, unreferenced_since FROM texts
    WHERE id = ? AND runner_session <> '${withheldSession}'`);
  const putText = database.prepare(`
    INSERT INTO texts (id, text, kind, product, runner_session, runner_name, device, dtype,
      embedded_at, checked_at, unreferenced_since)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
      runner_session = excluded.runner_session, runner_name = excluded.runner_name,
      device = excluded.device, dtype = excluded.dtype,
      embedded_at = excluded.embedded_at, checked_at = excluded.checked_at,
      unreferenced_since = CASE
        WHEN unreferenced_since IS NULL THEN NULL ELSE excluded.unreferenced_since END
    RETURNING key`);
  const putVector = database.prepare(`
    INSERT INTO vectors (text, kind, vector) VALUES (?, ?, ?)
    ON CONFLICT (text) DO UPDATE SET vector = excluded.vector`);
  const words = new TextWords(database);
  const addTotal = database.prepare("UPDATE totals SET count = count + ? WHERE name = 'texts'");

  return {
    knownTexts({ ids, now }) {
      return ids.filter((id) => {
        const key = uuidBytes(id);
        const row = key === null ? undefined : withVector.get(key);
        if (row === undefined) return false;
        if (row['unreferenced_since'] !== null) references.setUnreferenced(Number(row['key']), now);
        return true;
      });
    },

    putTexts({ rows, vectors, now }) {
      const vectorBytes = vectors.byteLength / Math.max(1, rows.length);
      let added = 0;
      for (const [index, [id, text, kind, product, provenance]] of rows.entries()) {
        const { runnerSession, runnerName, device, dtype, embeddedAt, checkedAt } = provenance;
        const key = uuidBytes(id);
        if (textById.get(key) === undefined) added += 1;
        const origin = [runnerSession, runnerName, device, dtype, embeddedAt, checkedAt] as const;
        // A new text counts as unreferenced until its first event. Retention therefore deletes a
        // text whose event was never stored.
        const row = putText.get(key, text, kind, product, ...origin, now);
        const vectorAt = vectors.byteOffset + index * vectorBytes;
        const vector = new Uint8Array(vectors.buffer, vectorAt, vectorBytes);
        const textKey = Number(row?.['key']);
        putVector.run(textKey, kind, vector);
        const described = productOf(product);
        if (described !== null) words.put(textKey, described);
      }
      addTotal.run(added);
    },
  };
}
