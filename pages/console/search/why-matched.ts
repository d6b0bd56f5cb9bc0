// Says in words why a search found a hit, and what a search had to leave out.

import type { SearchResult } from '../../../client/client.ts';

type Hit = Pick<SearchResult['hits'][number], 'score' | 'matched' | 'text'>;

/** `Exact match of its id`, `Found by meaning, and by the word “music”` */
export function whyMatched(query: string, { score, matched = ['meaning'], text }: Hit): string {
  if (matched.includes('id')) return 'Exact match of its id';
  // Only what was typed exactly has a score of 1.
  if (matched.includes('words') && score === 1) return 'Exact match of its name';
  const ways = [
    ...(matched.includes('meaning') ? ['by meaning'] : []),
    ...(matched.includes('words') ? [byWords(sharedWords(query, text))] : []),
  ];
  return `Found ${ways.join(', and ')}`;
}

function byWords(words: readonly string[]): string {
  const quoted = words.map((word) => `“${word}”`).join(', ');
  if (words.length === 0) return 'by similar words';
  return words.length === 1 ? `by the word ${quoted}` : `by the words ${quoted}`;
}

const leftOut: Readonly<Record<string, string>> = {
  no_runner: 'no runner is ready to compare meanings',
  runners_busy: 'the runners are busy',
  embedding_failed: 'no runner could embed this query',
};

/** Of `fallback_reason`. */
export const fallbackText = (reason: string): string =>
  `These are hits by words only: ${leftOut[reason] ?? `the query got no vector (${reason})`}.`;

/** The words of the query that are in the text, as they are written in the query. */
export function sharedWords(query: string, text: string): readonly string[] {
  const words = new Set(wordsOf(text));
  return [...new Set(wordsOf(query))].filter((word) => words.has(word));
}

// Not as in the browser's language, where I may become ı.
const wordsOf = (from: string): readonly string[] =>
  from
    .toLowerCase()
    .match(/[\p{L}\p{N}]{3,}/gu)
    ?.filter((word) => !common.has(word)) ?? [];

/** English words that say nothing about a product. */
const common: ReadonlySet<string> = new Set(
  'and are but for from has its not one our out that the this was who will with you your'.split(
    ' ',
  ),
);
