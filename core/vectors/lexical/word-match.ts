// Decides which words of a query a product has: as they are, as a beginning, or with a typing
// mistake.

import type { Product } from '#core/ports.ts';
import { wordsOf } from './fold-text.ts';
import { misspeltWordsMax, type WordQuery } from './word-features.ts';

export type WordMatch = {
  /** The query's words that the product has, by a synonym too, the unfinished one by its start. */
  readonly exact: ReadonlySet<string>;
  /** The share of the query's words that the product has, similar ones included: 0…1. */
  readonly share: number;
  /** The query is the product's whole name or its id. */
  readonly isWhole: boolean;
};

export function matchOf(
  { words, unfinished, alternatives }: WordQuery,
  product: Product,
  brands: readonly string[] = [],
): WordMatch {
  const { id, name, category, description } = product;
  const called = new Set([id, name, ...brands, category ?? ''].flatMap(wordsOf));
  const exactIn = (own: ReadonlySet<string>): readonly string[] => {
    const meant = alternatives.filter(({ others }) => others.every((other) => own.has(other)));
    return words.filter(
      (word) =>
        own.has(word) ||
        meant.some((alternative) => alternative.words.has(word)) ||
        (word === unfinished && own.values().some((other) => other.startsWith(word))),
    );
  };
  const inCalled = exactIn(called);
  const exact = new Set(
    inCalled.length === words.length
      ? inCalled
      : [...inCalled, ...exactIn(new Set(wordsOf(description ?? '')))],
  );
  // As in the features: a mistake in a description would find too much.
  const similar = words
    .filter((word) => !exact.has(word) && mistakesMax(word) > 0)
    .slice(0, misspeltWordsMax)
    .filter((word) => called.values().some((other) => hasAtMost(mistakesMax(word), word, other)));
  const whole = words.join(' ');
  return {
    exact,
    share: words.length === 0 ? 0 : (exact.size + similar.length) / words.length,
    isWhole: [id, name].some((text) => [...new Set(wordsOf(text))].join(' ') === whole),
  };
}

/** Comparing longer words costs much, and they are codes or addresses rather than words. */
const similarLengthMax = 24;

/** A number or a code with one wrong sign is another one, and so is a short word. */
export function mistakesMax(word: string): number {
  if (/\p{N}/u.test(word) || word.length < 4 || word.length > similarLengthMax) return 0;
  return word.length < 8 ? 1 : 2;
}

/**
 * Whether at most `max` signs were left out, added, replaced or swapped with their neighbour:
 * Damerau and Levenshtein's distance, in which no sign is changed twice.
 *
 * Row `i` holds the distances of the first `i` signs of `a` from the beginnings of `b` that are at
 * most `max` signs shorter or longer: all others are farther away (Ukkonen 1985).
 */
export function hasAtMost(max: number, a: ArrayLike<string>, b: ArrayLike<string>): boolean {
  if (Math.abs(a.length - b.length) > max) return false;
  const width = 2 * max + 1;
  let before: readonly number[] = [];
  let row = Array.from({ length: width }, (_, at) => (at < max ? Infinity : at - max));
  for (let i = 1; i <= a.length; i++) {
    const next: number[] = [];
    for (let at = 0; at < width; at++) {
      const j = i + at - max;
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[at] = Math.min(
        (row[at + 1] ?? Infinity) + 1,
        (next[at - 1] ?? Infinity) + 1,
        (row[at] ?? Infinity) + cost,
        isSwapped ? (before[at] ?? Infinity) + 1 : Infinity,
      );
    }
    if (Math.min(...next) > max) return false;
    [before, row] = [row, next];
  }
  return (row[b.length - a.length + max] ?? Infinity) <= max;
}
