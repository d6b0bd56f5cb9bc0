// Searches a gateway at a fixed rate, whether or not it keeps up, and measures how long each search
// took and where.

import { at } from '#core/errors/assert.ts';
import { quantile } from './figures.ts';
import { askInOwnProcess } from './questions.ts';

export type SearchTimes = {
  /** Times from the moment when a search was due to its complete answer, in ms. */
  readonly totalMs: readonly number[];
  /** Time for the query's vector and time in the store, by the gateway's Server-Timing header. */
  readonly embedMs: readonly number[];
  readonly storeMs: readonly number[];
  /** Searches that were not answered with success. */
  readonly failed: number;
};

const adjectives = [
  'warm',
  'light',
  'small',
  'sturdy',
  'blue',
  'wooden',
  'quiet',
  'elegant',
  'foldable',
  'cheap',
  'soft',
  'modern',
];
const nouns = [
  'jacket',
  'lamp',
  'kettle',
  'headphones',
  'backpack',
  'shoes',
  'table',
  'camera',
  'blanket',
  'watch',
  'bottle',
  'tent',
];
const purposes = [
  'for travelling',
  'for winter',
  'for the office',
  'for a child',
  'as a present',
  'for the garden',
  'for a small flat',
  'for the beach',
  'for running',
  'for a kitchen',
  'for cold nights',
  'for students',
];
const queriesMax = adjectives.length * nouns.length * purposes.length;

const word = (words: readonly string[], index: number): string =>
  at(words, Math.floor(index) % words.length);

/** A different query for each index below 1,728. */
export function queryAt(index: number): string {
  if (index >= queriesMax) throw new RangeError(`There are only ${queriesMax} different queries.`);
  return [
    word(adjectives, index),
    word(nouns, index / adjectives.length),
    word(purposes, index / adjectives.length / nouns.length),
  ].join(' ');
}

export type SearchOptions = {
  readonly url: string;
  /** Index of the first query. Each is used once, so that none is answered from the cache. */
  readonly from: number;
  readonly perSecond: number;
  readonly seconds: number;
};

/** Searches in another process, so that sending the stream in this one does not delay it. */
export async function searchInOwnProcess(
  { url, from, perSecond, seconds }: SearchOptions,
  signal: AbortSignal,
): Promise<SearchTimes> {
  const bodies = Array.from({ length: Math.round(perSecond * seconds) }, (_, index) => ({
    query: queryAt(from + index),
    limit: 10,
  }));
  const questions = { url, path: '/search', bodies, perSecond };
  const { ms, timings, failed } = await askInOwnProcess(questions, signal);
  return {
    totalMs: ms,
    embedMs: timings.map((timing) => durationIn(timing, 'embed')),
    storeMs: timings.map((timing) => durationIn(timing, 'store')),
    failed,
  };
}

/** Joins the times of several runs. */
export function merged(runs: readonly SearchTimes[]): SearchTimes {
  return {
    totalMs: runs.flatMap(({ totalMs }) => totalMs),
    embedMs: runs.flatMap(({ embedMs }) => embedMs),
    storeMs: runs.flatMap(({ storeMs }) => storeMs),
    failed: runs.reduce((sum, { failed }) => sum + failed, 0),
  };
}

export const percentile = (percent: number, values: readonly number[]): number =>
  quantile(values, percent / 100);

/** In `embed;dur=12.3, store;dur=4.5`, `embed` has 12.3. NaN when the name is missing. */
function durationIn(timing: string, name: string): number {
  return Number(new RegExp(`(?:^|[ ,])${name};dur=([\\d.]+)`).exec(timing)?.[1]);
}
