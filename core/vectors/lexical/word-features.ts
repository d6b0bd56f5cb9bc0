// Turns products and queries into weighted features, so that a store ranks products by words with
// nothing but a sum of products.
//
// A feature is a number: the hash of a word, of the beginning of a word, of three letters in a row,
// or of a whole name. The score of a product is, over the features that it shares with the query,
//
//     sum of (weight in the query × weight in the product × idf)
//     idf = ln(1 + (N − n + 0.5) / (n + 0.5))
//
// where `n` of the `N` products have the feature. The weights in a product are those of BM25
// (Robertson and Zaragoza 2009) for a word that occurs once, so the score is BM25 but for repeated
// words. Three letters in a row find words with a typing mistake; beginnings find the last word
// while it is being typed.

import type { Product, WordFeatures } from '#core/ports.ts';
import { wordsOf } from './fold-text.ts';

/** Changes with everything here and in fold-text.ts that changes the features of a product. */
export const featuresVersion = 3;

/** A query is its first words. */
const queryWordsMax = 24;
/** At most so many of them may be misspelt; each is then found by at most so many trigrams. */
export const misspeltWordsMax = 4;
const misspeltTrigramsMax = 16;
const prefixMax = 16;
/** A product with more has a long description, of which the last words are not found. */
const featuresMax = 512;
/** Longer words are found only as a whole. */
const lengthOfPartsMax = 32;

/** BM25's saturation and its correction for the length of a field. */
const [saturation, lengthShare] = [1.2, 0.6];
/** What a word counts by where it occurs, and how many words are usual there. */
const fields = [
  { field: 'id', weight: 1.5, usual: 1 },
  { field: 'name', weight: 1, usual: 8 },
  { field: 'brand', weight: 0.8, usual: 1 },
  { field: 'category', weight: 0.6, usual: 2 },
  { field: 'description', weight: 0.4, usual: 30 },
] as const;
/** Weights of features in a query; a whole word has 1. */
const [alternativeWeight, prefixWeight, trigramWeight, wholeNameWeight] = [0.8, 0.5, 0.4, 3];
/** Weights in products are whole numbers: every store keeps them exactly. */
const one = 100;

/** The weight of a feature that `having` of `all` products have. */
export function idfOf(having: number, all: number): number {
  return Math.log(1 + (all - having + 0.5) / (having + 0.5));
}

/** The score to the precision of every store, so that equal scores are equal everywhere. */
export function comparableScore(score: number): number {
  return Math.round(score * 1_000) / 1_000;
}

/** What stands for words of a query: a product with all of `others` also has these words. */
export type Alternative = {
  readonly words: ReadonlySet<string>;
  /** Folded. */
  readonly others: readonly string[];
};

export type WordQuery = {
  /** Distinct and folded. */
  readonly words: readonly string[];
  readonly alternatives: readonly Alternative[];
  /** May be continued by its writer. `null` after a final blank. */
  readonly unfinished: string | null;
};

export function wordQueryOf(text: string, alternatives: readonly Alternative[] = []): WordQuery {
  const words = [...new Set(wordsOf(text))].slice(0, queryWordsMax);
  const isFinished = /\s$/.test(text);
  return { words, alternatives, unfinished: isFinished ? null : (words.at(-1) ?? null) };
}

/** @param brands of the products that this text stands for */
export function productFeatures(product: Product, brands: readonly string[] = []): WordFeatures {
  const described = { ...product, brand: brands.join(' ') };
  const words = fields.flatMap(({ field, weight, usual }) => {
    const own = wordsOf(described[field] ?? '');
    const length = 1 - lengthShare + (lengthShare * own.length) / usual;
    const counts = (weight * (saturation + 1)) / (1 + saturation * length);
    // Descriptions are long: a mistake or a beginning in one would find too much.
    const hasParts = (word: string): boolean =>
      field !== 'description' && word.length <= lengthOfPartsMax;
    return [...new Set(own)].map((word) => ({ word, counts, hasParts: hasParts(word) }));
  });
  const divided = words.filter(({ hasParts }) => hasParts);
  const features = new Map<number, number>();
  keepLargest(features, hash('name', wholeOf(wordsOf(product.name))), 1);
  for (const { word, counts } of words) keepLargest(features, hash('word', word), counts);
  for (const { word, counts } of divided)
    for (const prefix of prefixesOf(word)) keepLargest(features, hash('prefix', prefix), counts);
  for (const { word, counts } of divided)
    for (const letters of trigramsOf(word)) keepLargest(features, hash('letters', letters), counts);
  return listOf(heaviest(features), (weight) => Math.max(1, Math.round(weight * one)));
}

/**
 * The features of the most weight. Of equal weight, those that were added first: whole words, then
 * beginnings, then letters.
 */
function heaviest(features: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  if (features.size <= featuresMax) return features;
  return new Map([...features].toSorted(([, a], [, b]) => b - a).slice(0, featuresMax));
}

/** @param misspelt words of the query to which other words may be similar */
export function queryFeatures(
  { words, unfinished, alternatives }: WordQuery,
  misspelt: readonly string[] = [],
): WordFeatures {
  const features = new Map<number, number>();
  for (const word of words) keepLargest(features, hash('word', word), 1);
  for (const word of alternatives.flatMap(({ others }) => others))
    keepLargest(features, hash('word', word), alternativeWeight);
  if (unfinished !== null) keepLargest(features, hash('prefix', unfinished), prefixWeight);
  for (const word of misspelt.slice(0, misspeltWordsMax))
    for (const letters of trigramsOf(word).slice(0, misspeltTrigramsMax))
      keepLargest(features, hash('letters', letters), trigramWeight);
  keepLargest(features, hash('name', wholeOf(words)), wholeNameWeight);
  return listOf(features, (weight) => weight / one);
}

const wholeOf = (words: readonly string[]): string => [...new Set(words)].join(' ');

/** The beginnings of a word, from two characters on; a word of two characters has its first one. */
function prefixesOf(word: string): readonly string[] {
  const characters = Array.from(word);
  const lengthMin = characters.length === 2 ? 1 : 2;
  const lengths = Array.from(
    { length: Math.min(prefixMax, characters.length - 1) },
    (_, n) => n + 1,
  );
  return lengths
    .filter((length) => length >= lengthMin)
    .map((length) => characters.slice(0, length).join(''));
}

/** The trigrams of a word; for `cup`: `^cu`, `cup` and `up$`. */
function trigramsOf(word: string): readonly string[] {
  const characters = Array.from(`^${word}$`);
  return characters.slice(2).map((_, at) => characters.slice(at, at + 3).join(''));
}

function keepLargest(features: Map<number, number>, feature: number, weight: number): void {
  features.set(feature, Math.max(weight, features.get(feature) ?? 0));
}

function listOf(
  features: ReadonlyMap<number, number>,
  scale: (weight: number) => number,
): WordFeatures {
  return { ids: [...features.keys()], weights: Array.from(features.values(), scale) };
}

/** FNV-1a, 32 bits, over UTF-16 code units. */
function hash(kind: 'word' | 'prefix' | 'letters' | 'name', text: string): number {
  let state = 0x811c9dc5;
  for (const unit of `${kind} ${text}`.split('')) {
    state = Math.imul(state ^ unit.charCodeAt(0), 0x01000193);
  }
  return state >>> 0;
}
