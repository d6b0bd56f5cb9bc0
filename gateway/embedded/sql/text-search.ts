// Searches texts by vector or by words, and by event filter; everything a search reads comes from
// one snapshot.

import type { DatabaseSync } from 'node:sqlite';
import type {
  EventFilter,
  SearchHit,
  SearchRequest,
  SimilarProduct,
  WordSearchHit,
  WordSearchRequest,
} from '#core/ports.ts';
import {
  type Ranked,
  type SearchPlan,
  searchTexts,
  unbounded,
  type Wanted,
} from '#core/vectors/search-plan.ts';
import type { VectorCopy } from '../vectors/vector-copy.ts';
import type { Statements } from './database.ts';
import { FilteredTexts, type NearestTexts } from './filtered-texts.ts';
import { productOf } from './stored-rows.ts';
import { uuidBytes } from './uuid-bytes.ts';
import { brandsIn, nearestByWords } from './word-tables.ts';

export type TextSearch = {
  search(request: SearchRequest & { readonly plan: SearchPlan }): Promise<readonly SearchHit[]>;
  searchWords(
    request: WordSearchRequest & { readonly plan: SearchPlan },
  ): Promise<readonly WordSearchHit[]>;
  /** The products of such a search, without reading their events. */
  searchProducts(
    request: SearchRequest & { readonly plan: SearchPlan },
  ): Promise<readonly SimilarProduct[]>;
};

const brandsOfText = 'SELECT brands FROM worded_texts WHERE text = ?';

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
    if (row === undefined) return [];
    const newest = texts.eventAt(text, newestAt);
    const events = texts.tallyOf(text) ?? { total: 0, byType: {} };
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

  const wordHitOf = (entry: Ranked<number>, texts: FilteredTexts): readonly WordSearchHit[] => {
    const brands = brandsIn(statements.get(brandsOfText).get(entry.text));
    return hitOf(entry, texts).map((hit) => ({ ...hit, brands }));
  };

  /** @param open prepares the search, in the transaction in which it runs */
  const inSnapshot = async <Hit>(
    filter: EventFilter,
    open: () => NearestTexts,
    wanted: () => Wanted<number>,
    found: (entry: Ranked<number>, texts: FilteredTexts) => readonly Hit[],
  ): Promise<readonly Hit[]> => {
    database.exec('BEGIN');
    try {
      const texts = new FilteredTexts(statements, open(), filter);
      const ranked = await searchTexts(texts, wanted());
      return ranked.flatMap((entry) => found(entry, texts));
    } finally {
      database.exec('COMMIT');
    }
  };

  const productOfHit = ({ text, score, textId }: Ranked<number>): readonly SimilarProduct[] => {
    const product = productOf(textByKey.get(text)?.['product'] ?? null);
    return product === null ? [] : [{ product, textId, score }];
  };

  const byVector =
    <Hit>(found: (entry: Ranked<number>, texts: FilteredTexts) => readonly Hit[]) =>
    ({ vector, filter, plan, ...wanted }: SearchRequest & { readonly plan: SearchPlan }) => {
      const { limit, scoreMin = -Infinity, exceptTextIds = [], after = null } = wanted;
      return inSnapshot(
        filter,
        () => nearestByVector(statements, copy, { vector, filter }),
        () => ({ limit, plan, scoreMin, except: keysOf(exceptTextIds), after }),
        found,
      );
    };

  return {
    search: byVector(hitOf),
    searchProducts: byVector(productOfHit),
    searchWords: ({ features, limit, filter, plan }) =>
      inSnapshot(
        filter,
        () => nearestByWords(statements, features),
        () => ({ ...unbounded, limit, plan }),
        wordHitOf,
      ),
  };
}

/** @param copy `null`: a search whose filter is not selective reads all vectors. */
function nearestByVector(
  statements: Statements,
  copy: VectorCopy | null,
  { vector, filter }: Pick<SearchRequest, 'vector' | 'filter'>,
): NearestTexts {
  const productsOnly = filter.eventTypes?.includes('search') !== true;
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  return (count, within) => {
    const among = within ?? copy?.candidates(vector, count, productsOnly) ?? null;
    return statements
      .get(
        `SELECT text, vec_distance_cosine(vector, ?) AS distance FROM vectors
        WHERE ${among === null ? 'true' : 'text IN (SELECT value FROM json_each(?))'}
        ${productsOnly ? "AND kind = 'product'" : ''} ORDER BY distance LIMIT ?`,
      )
      .all(bytes, ...(among === null ? [] : [JSON.stringify(among)]), count)
      .map((row) => ({
        text: Number(row['text']),
        score: Math.max(-1, Math.min(1, 1 - Number(row['distance']))),
      }));
  };
}
