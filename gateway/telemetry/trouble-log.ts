// Logs a trouble that repeats once, when it begins: while a dependency is down, a line at every
// retry would hide all others.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';

/** A trouble that comes back after this much quiet is a new one. */
const quietMs = 60_000;

/**
 * What the log shows of an error: code and reason for trouble with a dependency, and also the stack
 * for anything else.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  return error instanceof VectorStreamError
    ? { code: error.code, reason: error.message }
    : { err: error };
}

/** The function says whether a trouble is the first of a row of troubles of one code. */
export function createTroubleRow(clock: Clock): (code: string) => boolean {
  let seen: { readonly code: string; readonly at: number } | null = null;
  return (code) => {
    const isFirst = seen === null || seen.code !== code || clock.monotonic() - seen.at > quietMs;
    seen = { code, at: clock.monotonic() };
    return isFirst;
  };
}

/** The function calls `write` for the first of a row of errors of one code. */
export function createTroubleLog(
  clock: Clock,
  write: (fields: Record<string, unknown>) => void,
): (error: unknown) => void {
  const isFirst = createTroubleRow(clock);
  return (error) => {
    const code = error instanceof VectorStreamError ? error.code : String(error);
    if (isFirst(code)) write(errorFields(error));
  };
}
