// Runs a runner's program until it ends: signals stop it in order, and a failure becomes one line
// and an exit code.

import { UsageError, VectorStreamError } from '#core/errors/errors.ts';

/** The parts of Node's `process` that are used. */
export type ProgramProcess = {
  on(event: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'disconnect', listener: () => void): unknown;
  exit(code: number): never;
  readonly stderr: { write(text: string): unknown };
};

/**
 * Resolves with the exit code: 0 when `run` ended or was stopped, 2 after a `UsageError`, 1 after
 * any other error, which is written to the standard error. SIGTERM, the first SIGINT, and the end
 * of the program that started this one abort `stop`; the second SIGINT ends the process at once.
 * The end of its terminal aborts `stop` too. Without a terminal, as under nohup, that does not
 * matter.
 */
export async function runUntilStopped(
  process: ProgramProcess,
  hasTerminal: boolean,
  run: (stop: AbortSignal) => Promise<void>,
): Promise<0 | 1 | 2> {
  const stopping = new AbortController();
  process.on('SIGTERM', () => stopping.abort());
  process.on('disconnect', () => stopping.abort());
  process.on('SIGHUP', () => {
    if (hasTerminal) stopping.abort();
  });
  process.on('SIGINT', () => {
    if (stopping.signal.aborted) process.exit(130);
    stopping.abort();
  });
  try {
    await run(stopping.signal);
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    process.stderr.write(`${lastWords(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** The message of a known error; the stack of any other, which is a bug. */
function lastWords(error: unknown): string {
  if (error instanceof VectorStreamError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
