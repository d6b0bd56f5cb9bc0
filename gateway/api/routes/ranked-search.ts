// Searches by words, alone or together with meaning, page by page. A shop's search answers even
// while no runner can embed its query: by words alone, with the reason.

import { z } from '@hono/zod-openapi';
import { normaliseText } from '#core/event/text.ts';
import type { EventFilter, SearchHit } from '#core/ports.ts';
import { type FusedHit, hybridSearch } from '#core/vectors/lexical/hybrid-search.ts';
import { type FacetName, type Facets, facetsOf } from '#core/vectors/shop/facets.ts';
import { type HitOrder, inOrder } from '#core/vectors/shop/hit-order.ts';
import type { RulesOfQuery } from '#core/vectors/shop/rules-by-query.ts';
import type { QueryVectors } from '../../fleet/query-vectors.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { Services } from '../services.ts';
import { badCursor } from './schemas.ts';
import { markOf } from './search-cursor.ts';

export type RankedSearch = {
  readonly query: string;
  readonly mode: 'hybrid' | 'words';
  readonly filter: EventFilter;
  readonly brands: readonly string[] | null;
  /** The lowest cosine of a hit by meaning; `null`: where unrelated texts end. */
  readonly cosineMin: number | null;
  /** Leaves out products of which the shop has none left. */
  readonly inStock: boolean;
  readonly order: HitOrder;
  readonly popularityOf: (hit: SearchHit) => number;
  /** See `Behaviour.weight`. */
  readonly behaviourWeight: number;
  readonly facets: readonly FacetName[];
  readonly rules: RulesOfQuery;
  readonly limit: number;
  readonly cursor: string | undefined;
  /** What must stay the same from page to page. */
  readonly request: unknown;
};

export type RankedPage = {
  readonly found: readonly FusedHit[];
  /** How many hits the pages before had. */
  readonly shownBefore: number;
  /** Counted over all hits, on any page. */
  readonly facets: Facets;
  readonly nextCursor: string | null;
  readonly fallbackReason: string | null;
};

/** @param onEmbedded called between the embedding of the query and the search */
export async function rankedSearch(
  { store, queries, model }: Pick<Services, 'store' | 'queries' | 'model'>,
  {
    query: text,
    mode,
    filter,
    brands,
    cosineMin,
    rules,
    limit,
    cursor,
    request,
    ...shown
  }: RankedSearch,
  { signal, onEmbedded }: { readonly signal: AbortSignal; readonly onEmbedded: () => void },
): Promise<RankedPage> {
  const before = cursor === undefined ? null : parseCursor(cursor, request);
  const query = normaliseText(text);
  const { vector, reason } =
    mode === 'words'
      ? { vector: null, reason: null }
      : await vectorOrReason(queries, query, signal);
  onEmbedded();
  const byMeaning = vector !== null;
  if (before !== null && before.byMeaning !== byMeaning) throw otherRanking(before.byMeaning);
  const ranked = await hybridSearch(store, {
    // A blank at the end says that the last word is finished.
    query: text,
    vector,
    filter,
    brands,
    inStock: shown.inStock,
    cosineMin: cosineMin ?? model.meaningFloor,
    rules,
    behaviour: { weight: shown.behaviourWeight, eventsOf: shown.popularityOf },
  });
  const all = inOrder(ranked, shown.order, shown.popularityOf);
  const start = before?.shown ?? 0;
  const end = start + limit;
  return {
    found: all.slice(start, end),
    shownBefore: start,
    facets: facetsOf(
      all.flatMap(({ hit }) => hit.product ?? []),
      shown.facets,
    ),
    nextCursor: all.length > end ? cursorAfter({ shown: end, byMeaning }, request) : null,
    fallbackReason: reason,
  };
}

type VectorOrReason =
  | { readonly vector: Float32Array; readonly reason: null }
  | { readonly vector: null; readonly reason: string };

async function vectorOrReason(
  queries: QueryVectors,
  query: string,
  signal: AbortSignal,
): Promise<VectorOrReason> {
  if (!queries.canAnswer(query)) return { vector: null, reason: 'no_runner' };
  try {
    return { vector: await queries.vector(query, signal), reason: null };
  } catch (error) {
    if (error instanceof ProblemError) return { vector: null, reason: error.problem.code };
    throw error;
  }
}

/** The pages before: how many hits they had, and whether these were also found by meaning. */
type Before = { readonly shown: number; readonly byMeaning: boolean };

const cursorSchema = z.tuple([z.int().min(1), z.boolean(), z.string()]);

const cursorAfter = ({ shown, byMeaning }: Before, request: unknown): string =>
  Buffer.from(JSON.stringify([shown, byMeaning, markOf(request)])).toString('base64url');

function parseCursor(cursor: string, request: unknown): Before {
  try {
    const [shown, byMeaning, mark] = cursorSchema.parse(
      JSON.parse(Buffer.from(cursor, 'base64url').toString()),
    );
    if (mark === markOf(request)) return { shown, byMeaning };
  } catch {}
  throw badCursor();
}

/** Runners came or went between two pages: a place in one ranking means nothing in the other. */
const otherRanking = (wasByMeaning: boolean): ProblemError =>
  badCursor(
    wasByMeaning
      ? 'the page before was also found by meaning, which no runner can do at present; begin ' +
          'with the first page again'
      : 'the page before was found by words alone, this one would also be by meaning; begin with ' +
          'the first page again',
  );
