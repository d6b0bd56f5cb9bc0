// Searches a gateway at a steady rate, whether or not it keeps up, and tells how long each search
// took and where.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock } from '#core/time/clock.ts';
import { quantile } from './figures.ts';

export type SearchTimes = {
  /** From the moment when it was due to the whole answer, ms. */
  readonly totalMs: readonly number[];
  /** Of these, until the query's vector was there, and in the store, as the gateway tells. */
  readonly embedMs: readonly number[];
  readonly storeMs: readonly number[];
  /** Answered with anything but 200. */
  readonly failed: number;
};

const looks = [
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
const things = [
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
const queriesMax = looks.length * things.length * purposes.length;

const word = (words: readonly string[], at: number): string => words[at % words.length] ?? '';

/** The same for the same index, and for no other. */
export function queryAt(index: number): string {
  if (index >= queriesMax) throw new RangeError(`There are ${queriesMax} different queries.`);
  return `${word(looks, index)} ${word(things, Math.floor(index / looks.length))} ${word(purposes, Math.floor(index / looks.length / things.length))}`;
}

/** Queries from number `from` on, none twice, so that none is answered from memory. */
export type Searching = {
  readonly url: string;
  readonly from: number;
  readonly perSecond: number;
  readonly seconds: number;
};

/**
 * In a process of its own, as whoever searches is not whoever sends the stream: neither waits for
 * the other's turn.
 */
export async function searchApart(searching: Searching, signal: AbortSignal): Promise<SearchTimes> {
  const program = fileURLToPath(new URL('./searcher-process.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [program, JSON.stringify(searching)],
    { signal, maxBuffer: 2 ** 24 },
  );
  return JSON.parse(stdout);
}

/** Resolves when all are answered. */
export async function searchSteadily({
  url,
  from,
  perSecond,
  seconds,
}: Searching): Promise<SearchTimes> {
  const times = {
    totalMs: [] as number[],
    embedMs: [] as number[],
    storeMs: [] as number[],
    failed: 0,
  };
  const beganAt = performance.now();
  const ask = async (index: number): Promise<void> => {
    const dueAt = beganAt + (index * 1000) / perSecond;
    await systemClock.sleep(Math.max(0, dueAt - performance.now()));
    const response = await fetch(`${url}/search`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: queryAt(from + index), limit: 10 }),
    });
    await response.text();
    if (!response.ok) {
      times.failed += 1;
      return;
    }
    const timing = response.headers.get('server-timing') ?? '';
    times.totalMs.push(performance.now() - dueAt);
    times.embedMs.push(durationIn(timing, 'embed'));
    times.storeMs.push(durationIn(timing, 'store'));
  };
  await Promise.all(
    Array.from({ length: Math.round(perSecond * seconds) }, (_, index) => ask(index)),
  );
  return times;
}

/** Several runs as one. */
export function together(runs: readonly SearchTimes[]): SearchTimes {
  return {
    totalMs: runs.flatMap(({ totalMs }) => totalMs),
    embedMs: runs.flatMap(({ embedMs }) => embedMs),
    storeMs: runs.flatMap(({ storeMs }) => storeMs),
    failed: runs.reduce((sum, { failed }) => sum + failed, 0),
  };
}

export const p = (percent: number, values: readonly number[]): number =>
  quantile(values, percent / 100);

/** `embed;dur=12.3, store;dur=4.5` has 12.3 as `embed`; NaN when it has none. */
function durationIn(timing: string, name: string): number {
  return Number(new RegExp(`(?:^|[ ,])${name};dur=([\\d.]+)`).exec(timing)?.[1]);
}
