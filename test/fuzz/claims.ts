// The claims of a target about every input, worded for the output of a failing run.

import { isDeepStrictEqual } from 'node:util';

export function assert(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new Error(`Does not hold: ${claim}`);
}

export function equal(actual: unknown, expected: unknown, claim: string): void {
  if (!isDeepStrictEqual(actual, expected))
    throw new Error(
      `Does not hold: ${claim}\n${JSON.stringify(actual)?.slice(0, 500)}` +
        `\n${JSON.stringify(expected)?.slice(0, 500)}`,
    );
}

/** A message for people: one line of bounded length without terminal control characters. */
export function oneLine(message: string, charactersMax: number): void {
  assert(
    message !== '' && message.length <= charactersMax,
    `a message has 1 to ${charactersMax} characters, not ${message.length}`,
  );
  assert(
    !/[\p{Cc}\u2028\u2029]/u.test(message),
    `a message is one line without control characters: ${JSON.stringify(message)}`,
  );
}

/** The result, or an error of the allowed class; rethrows any other error. */
export function allowing<T>(
  refusal: new (...args: never[]) => Error,
  run: () => T,
): { readonly value: T } | { readonly refusal: Error } {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof refusal) return { refusal: error };
    throw error;
  }
}
