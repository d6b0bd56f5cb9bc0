// Searches texts by vector and event filter; everything a search reads comes from one snapshot.

import type { DatabaseSync } from 'node:sqlite';
import type { SearchHit, SearchRequest } from '#core/ports.ts';
import { type Ranked, type SearchPlan, searchTexts } from '#core/vectors/search-plan.ts';
import type { VectorCopy } from '../vectors/vector-copy.ts';
import type { Statements } from './database.ts';
import { FilteredTexts } from './filtered-texts.ts';
import { productOf } from './stored-rows.ts';
import { uuidBytes } from './uuid-bytes.ts';

export type TextSearch = {
  search(request: SearchRequest & { readonly plan: SearchPlan }): Promise<readonly SearchHit[]>;
};

/** @param copy `null`: a search whose filter is not selective reads all vectors. */
export function createTextSearch(
  database: DatabaseSync,
  statements: Statements,
  copy: VectorCopy | null,
): TextSearch {
  const textByKey = database.prepare('SELECT text, product FROM texts WHERE key = ?');
  const keyById = database.prepare('SELECT key FROM texts WHERE id = ?');

  const keysOf = (textIds: readonly string[]): readonly number[] =>
    textIds.flatMap((textId) => {
      const id = uuidBytes(textId);
      const row = id === null ? undefined : keyById.get(id);
      return row === undefined ? [] : [Number(row['key'])];
    });

  const hitOf = (
    { text, score, textId, newestAt }: Ranked<number>,
    texts: FilteredTexts,
  ): SearchHit[] => {
    const row = textByKey.get(text);
    const newest = texts.eventAt(text, newestAt);
    const events = texts.tallyOf(text);
    if (row === undefined || newest === null || events === undefined) return [];
    return [
      {
        score,
        textId,
        text: String(row['text']),
        product: productOf(row['product']),
        events: { total: events.total, byType: events.byType },
        newest,
      },
    ];
  };

  return {
    async search({ vector, limit, filter, scoreMin = -Infinity, exceptTextIds, after, plan }) {
      const texts = new FilteredTexts(statements, copy, { vector, filter });
      database.exec('BEGIN');
      try {
        const ranked = await searchTexts(texts, {
          limit,
          plan,
          scoreMin,
          except: keysOf(exceptTextIds ?? []),
          after: after ?? null,
        });
        return ranked.flatMap((entry) => hitOf(entry, texts));
      } finally {
        database.exec('COMMIT');
      }
    },
  };
}
