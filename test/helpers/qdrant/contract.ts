// Loads the recorded exchanges with a real server, and completes the long vectors, which were
// shortened to their first three numbers.

import { readFileSync } from 'node:fs';
import { type Json, isList } from './body.ts';

export type Exchange = {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly body: Json };
  readonly response: { readonly status: number; readonly body: Json };
};

/** Follows the first three numbers of a shortened vector. */
const shortened = /^\.\.\. (\d+) numbers$/;

export function contract(file: string): readonly Exchange[] {
  const { exchanges }: { exchanges: Exchange[] } = JSON.parse(
    readFileSync(new URL(`../../fixtures/${file}`, import.meta.url), 'utf8'),
  );
  return exchanges.map((exchange) => ({
    ...exchange,
    request: { ...exchange.request, body: completed(exchange.request.body) },
  }));
}

/** How many numbers a shortened list had; `null` for a list that was not shortened. */
export function shortenedLength(json: Json): number | null {
  const last = isList(json) ? json.at(-1) : null;
  const length = typeof last === 'string' ? shortened.exec(last)?.[1] : undefined;
  return length === undefined ? null : Number(length);
}

/** The same three numbers always give the same vector. */
function completed(json: Json): Json {
  const length = shortenedLength(json);
  if (isList(json))
    return length === null ? json.map(completed) : filled(json.slice(0, -1).map(Number), length);
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, completed(value)]));
}

/**
 * The seed of the pseudo-random numbers that replace the missing ones. It was found by trial: with
 * it the points rank as they did in the recording. For that reason recorded orders can be compared,
 * and recorded scores cannot.
 */
const series = 27;

function filled(start: readonly number[], length: number): readonly number[] {
  let state =
    start.reduce((hash, x) => Math.imul(hash ^ Math.round(x * 10_000), 0x9e3779b1), series + 1) >>>
    0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.round(((state / 2 ** 32) * 4 - 2) * 10_000) / 10_000;
  };
  return [...start, ...Array.from({ length: length - start.length }, next)];
}
