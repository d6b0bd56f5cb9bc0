// The frame of a runner's program: signals stop it cleanly, and failures end with one line.

import { describe, expect, test } from 'vitest';
import { UsageError } from '#core/errors/errors.ts';
import { runUntilStopped } from '#core/runner/run-until-stopped.ts';

function fakeProcess() {
  const listeners = new Map<string, () => void>();
  const lines: string[] = [];
  const exits: number[] = [];
  return {
    lines,
    exits,
    signal: (name: 'SIGINT' | 'SIGTERM') => listeners.get(name)?.(),
    on: (name: string, listener: () => void) => listeners.set(name, listener),
    exit: (code: number): never => {
      exits.push(code);
      throw new Error('exited');
    },
    stderr: { write: (text: string) => lines.push(text) },
  };
}

/** Ends when it is stopped, as a rejection, as most waits do. */
const untilStopped = (stop: AbortSignal): Promise<void> =>
  new Promise((_, reject) =>
    stop.addEventListener('abort', () => reject(new Error('stopped')), { once: true }),
  );

describe('a runner program', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('ends with 0 and no word on %s', async (name) => {
    const process = fakeProcess();
    const ended = runUntilStopped(process, false, untilStopped);
    process.signal(name);
    expect(await ended).toBe(0);
    expect(process.lines).toEqual([]);
  });

  test('ends at once on the second Ctrl-C', async () => {
    const process = fakeProcess();
    void runUntilStopped(process, false, () => new Promise(() => undefined));
    process.signal('SIGINT');
    expect(process.exits).toEqual([]);
    expect(() => process.signal('SIGINT')).toThrow('exited');
    expect(process.exits).toEqual([130]);
  });

  test('ends with 2 and one line on wrong usage, and with 1 and a stack on a bug', async () => {
    const process = fakeProcess();
    const failing = (error: Error) => runUntilStopped(process, false, () => Promise.reject(error));
    expect(await failing(new UsageError('--x is unknown.'))).toBe(2);
    expect(process.lines).toEqual(['--x is unknown.\n']);
    expect(await failing(new Error('a bug'))).toBe(1);
    expect(process.lines[1]).toMatch(/^Error: a bug\n\s+at /);
  });
});
