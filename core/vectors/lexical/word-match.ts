// Decides which words of a query a product has: as they are, as a beginning, or with a typing
// mistake.

import type { Product } from '#core/ports.ts';
import { wordsOf } from './fold-text.ts';
import type { WordQuery } from './word-features.ts';

export type WordMatch = {
  /** The words of the query that the product has, the unfinished one by its beginning. */
  readonly exact: ReadonlySet<string>;
  /** The share of the query's words that the product has, similar ones included: 0…1. */
  readonly share: number;
  /** The query is the product's whole name or its id. */
  readonly isWhole: boolean;
};

export function matchOf({ words, unfinished }: WordQuery, product: Product): WordMatch {
  const { id, name, category, description } = product;
  const own = new Set([id, name, category ?? '', description ?? ''].flatMap(wordsOf));
  const exact = new Set(
    words.filter(
      (word) =>
        own.has(word) ||
        (word === unfinished && own.values().some((other) => other.startsWith(word))),
    ),
  );
  const isSimilar = (word: string): boolean => {
    const max = mistakesMax(word);
    return max > 0 && own.values().some((other) => hasAtMost(max, word, other));
  };
  const found = words.filter((word) => exact.has(word) || isSimilar(word));
  const whole = words.join(' ');
  return {
    exact,
    share: words.length === 0 ? 0 : found.length / words.length,
    isWhole: [id, name].some((text) => [...new Set(wordsOf(text))].join(' ') === whole),
  };
}

/** A number or a code with one wrong sign is another one, and so is a short word. */
export function mistakesMax(word: string): number {
  if (/\p{N}/u.test(word) || word.length < 4) return 0;
  return word.length < 8 ? 1 : 2;
}

/**
 * Whether at most `max` signs were left out, added, replaced or swapped with their neighbour:
 * Damerau and Levenshtein's distance, in which no sign is changed twice.
 */
export function hasAtMost(max: number, a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > max) return false;
  let [before, row] = [[] as number[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(
        (row[j] ?? Infinity) + 1,
        (next[j - 1] ?? Infinity) + 1,
        (row[j - 1] ?? Infinity) + cost,
        isSwapped ? (before[j - 2] ?? Infinity) + 1 : Infinity,
      );
    }
    if (Math.min(...next) > max) return false;
    [before, row] = [row, next];
  }
  return (row[b.length] ?? Infinity) <= max;
}
