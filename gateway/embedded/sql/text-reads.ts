// Reads texts and their vectors by id.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { BareText, Provenance } from '#core/ports.ts';
import { damagedValue } from './sqlite-errors.ts';
import { bareTextOf, provenanceOf, type Row } from './stored-rows.ts';
import { uuidBytes } from './uuid-bytes.ts';

type FoundVectors = { readonly ids: readonly string[]; readonly vectors: Float32Array };
type FoundEmbeddings = FoundVectors & { readonly provenances: readonly Provenance[] };

export type TextReads = {
  /** The known texts among `textIds`. */
  texts(textIds: readonly string[]): readonly BareText[];
  /** `vectors` holds one vector after the other, in the order of `ids`. */
  vectors(textIds: readonly string[]): FoundVectors;
  /** The same with who computed each vector. */
  embeddings(textIds: readonly string[]): FoundEmbeddings;
};

export function createTextReads(database: DatabaseSync, dimensions: number): TextReads {
  const textById = database.prepare('SELECT text, kind, product FROM texts WHERE id = ?');
  const vectorById = database.prepare(
    'SELECT vector FROM vectors WHERE text = (SELECT key FROM texts WHERE id = ?)',
  );
  const embeddingById = database.prepare(`
    SELECT vector, runner_session, runner_name, device, dtype, embedded_at, checked_at
    FROM texts JOIN vectors ON vectors.text = texts.key WHERE id = ?`);
  const vectorBytes = dimensions * Float32Array.BYTES_PER_ELEMENT;

  const find = (
    statement: StatementSync,
    textIds: readonly string[],
  ): FoundVectors & { readonly rows: readonly Row[] } => {
    const found: { id: string; row: Row; vector: Uint8Array }[] = [];
    for (const id of new Set(textIds)) {
      const key = uuidBytes(id);
      const row = key === null ? undefined : statement.get(key);
      const vector = row?.['vector'];
      if (row === undefined || !(vector instanceof Uint8Array)) continue;
      if (vector.length !== vectorBytes)
        throw damagedValue(`a vector has ${vector.length} bytes instead of ${vectorBytes}`);
      found.push({ id, row, vector });
    }
    const bytes = new Uint8Array(found.length * vectorBytes);
    for (const [index, { vector }] of found.entries()) bytes.set(vector, index * vectorBytes);
    return {
      ids: found.map(({ id }) => id),
      rows: found.map(({ row }) => row),
      vectors: new Float32Array(bytes.buffer),
    };
  };

  return {
    texts: (textIds) =>
      textIds.flatMap((id) => {
        const key = uuidBytes(id);
        const row = key === null ? undefined : textById.get(key);
        return row === undefined ? [] : [bareTextOf(id, row)];
      }),

    vectors(textIds) {
      const { ids, vectors } = find(vectorById, textIds);
      return { ids, vectors };
    },

    embeddings(textIds) {
      const { ids, rows, vectors } = find(embeddingById, textIds);
      return { ids, vectors, provenances: rows.map(provenanceOf) };
    },
  };
}
