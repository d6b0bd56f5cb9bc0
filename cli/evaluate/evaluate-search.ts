// `npm run evaluate -- search QUERIES.csv`: asks a running gateway the queries of a file by words,
// by meaning and by both, and measures where it shows the products that they mean.

import { UsageError } from '#core/errors/errors.ts';
import type { VectorStreamClient } from '../../client/client.ts';
import { connectGateway, requireHttpUrl } from '../gateway/gateway-connection.ts';
import { CsvReader } from '../import/csv-records.ts';
import { count, createProgress } from '../progress-bar.ts';
import type { EvaluationContext } from './evaluate-flags.ts';
import { mean, measureGraded } from './ranking-measures.ts';

export type GradedQuery = {
  readonly kind: string;
  readonly query: string;
  /** Grade by product id, above 0. */
  readonly wanted: ReadonlyMap<string, number>;
};

const modes = ['words', 'meaning', 'hybrid'] as const;
const places = 10;

export type SearchResult = {
  readonly mode: (typeof modes)[number];
  readonly kind: string;
  readonly queries: number;
  readonly ndcg_10: number;
  readonly recall_10: number;
  readonly mrr: number;
  readonly first: number;
};

/**
 * Columns: `query`, `product_id` (or `product id`), and perhaps `grade` (default 1) and `kind`,
 * which groups the results. A query with several products has a line for each.
 *
 * @throws UsageError for a file without these columns, or with a line that cannot be read
 */
export function parseQueries(csv: string): readonly GradedQuery[] {
  const reader = new CsvReader({ delimiter: ',', quote: '"' });
  const rows = csv
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .flatMap((text, index) => [...reader.push({ number: index + 1, text, problem: null })]);
  const fields = rows.map((row) => {
    if ('broken' in row) throw new UsageError(`Line ${row.line} of the queries: ${row.broken}.`);
    return row.fields;
  });
  const header = (fields[0] ?? []).map((name) => name.trim().toLowerCase().replaceAll(' ', '_'));
  const [query, product, grade, kind] = ['query', 'product_id', 'grade', 'kind'].map((name) =>
    header.indexOf(name),
  );
  if (query === undefined || product === undefined || query < 0 || product < 0)
    throw new UsageError('The queries need a header with the columns query and product_id.');
  const queries = new Map<string, { kind: string; query: string; wanted: Map<string, number> }>();
  for (const row of fields.slice(1)) {
    const asked = { kind: row[kind ?? -1] ?? 'all', query: row[query] ?? '' };
    const key = JSON.stringify(asked);
    const one = queries.get(key) ?? { ...asked, wanted: new Map() };
    queries.set(key, one);
    const graded = Number(row[grade ?? -1] ?? 1);
    if (!(graded > 0))
      throw new UsageError(`The grade of "${asked.query}" is not a number above 0.`);
    one.wanted.set(row[product] ?? '', graded);
  }
  return [...queries.values()];
}

/** Resolves to the exit code. */
export async function evaluateSearch(
  csv: string,
  { target, json }: { readonly target: string | null; readonly json: boolean },
  { clock, apiKey, progress, say }: EvaluationContext,
): Promise<number> {
  const queries = parseQueries(csv);
  const url = target ?? 'http://127.0.0.1:8080';
  requireHttpUrl(url);
  const { client, throwExplained } = connectGateway({
    url,
    apiKey,
    retryForMs: 60_000,
    onWait: () => {},
  });
  const bar = createProgress({
    label: 'searching',
    total: queries.length * modes.length,
    out: progress,
    clock,
  });
  let done = 0;
  const results: SearchResult[] = [];
  for (const mode of modes)
    results.push(
      ...(await measureMode(client, mode, queries, () => bar.update(++done)).catch(throwExplained)),
    );
  bar.finish();
  say(json ? JSON.stringify({ results }) : tableOf(results));
  return 0;
}

async function measureMode(
  client: Pick<VectorStreamClient, 'search'>,
  mode: SearchResult['mode'],
  queries: readonly GradedQuery[],
  onQuery: () => void,
): Promise<readonly SearchResult[]> {
  const byKind = new Map<string, ReturnType<typeof measureGraded>[]>();
  for (const { kind, query, wanted } of queries) {
    const { hits, fallback_reason: reason } = await client.search({ query, mode, limit: places });
    if (reason !== undefined)
      throw new UsageError(`The gateway cannot search by meaning at present: ${reason}.`);
    const ranked = [...new Set(hits.flatMap(({ product }) => product?.id ?? []))];
    byKind.set(kind, [...(byKind.get(kind) ?? []), measureGraded(ranked, wanted, places)]);
    onQuery();
  }
  return [...byKind].map(([kind, measures]) => ({
    mode,
    kind,
    queries: measures.length,
    ndcg_10: mean(measures.map(({ ndcg }) => ndcg)),
    recall_10: mean(measures.map(({ recall }) => recall)),
    mrr: mean(measures.map(({ mrr }) => mrr)),
    first: mean(measures.map(({ mrr }) => Number(mrr === 1))),
  }));
}

function tableOf(results: readonly SearchResult[]): string {
  const header = ['kind', 'queries', 'mode', 'nDCG@10', 'recall@10', 'MRR', 'first'];
  const rows = results.map(({ kind, queries, mode, ...measures }) => [
    kind,
    count(queries),
    mode,
    ...[measures.ndcg_10, measures.recall_10, measures.mrr, measures.first].map((value) =>
      value.toFixed(3),
    ),
  ]);
  const lines = [header, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(column === 0 ? 18 : 10))
      .join('')
      .trimEnd(),
  );
  return `\n${lines.join('\n')}`;
}
