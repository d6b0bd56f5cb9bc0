// Reads texts and their vectors by id.

import type { DatabaseSync } from 'node:sqlite';
import type { BareText } from '#core/ports.ts';
import { damagedValue } from './sqlite-errors.ts';
import { bareTextOf } from './stored-rows.ts';
import { uuidBytes } from './uuid-bytes.ts';

type FoundVectors = { readonly ids: readonly string[]; readonly vectors: Float32Array };

export type TextReads = {
  /** The known texts among `textIds`. */
  texts(textIds: readonly string[]): readonly BareText[];
  /** `vectors` holds one vector after the other, in the order of `ids`. */
  vectors(textIds: readonly string[]): FoundVectors;
};

export function createTextReads(database: DatabaseSync, dimensions: number): TextReads {
  const textById = database.prepare('SELECT text, kind, product FROM texts WHERE id = ?');
  const vectorById = database.prepare(
    'SELECT vector FROM vectors WHERE text = (SELECT key FROM texts WHERE id = ?)',
  );
  const vectorBytes = dimensions * Float32Array.BYTES_PER_ELEMENT;

  return {
    texts: (textIds) =>
      textIds.flatMap((id) => {
        const key = uuidBytes(id);
        const row = key === null ? undefined : textById.get(key);
        return row === undefined ? [] : [bareTextOf(id, row)];
      }),

    vectors(textIds) {
      const found: { id: string; vector: Uint8Array }[] = [];
      for (const id of new Set(textIds)) {
        const key = uuidBytes(id);
        const vector = key === null ? undefined : vectorById.get(key)?.['vector'];
        if (!(vector instanceof Uint8Array)) continue;
        if (vector.length !== vectorBytes)
          throw damagedValue(`a vector has ${vector.length} bytes instead of ${vectorBytes}`);
        found.push({ id, vector });
      }
      const bytes = new Uint8Array(found.length * vectorBytes);
      for (const [index, { vector }] of found.entries()) bytes.set(vector, index * vectorBytes);
      return { ids: found.map(({ id }) => id), vectors: new Float32Array(bytes.buffer) };
    },
  };
}
