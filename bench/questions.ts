// Asks a gateway questions at a fixed rate, whether or not it keeps up, and measures how long each
// answer took.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock } from '#core/time/clock.ts';

export type Questions = {
  readonly url: string;
  readonly path: string;
  /** One for each question, in order. */
  readonly bodies: readonly unknown[];
  readonly perSecond: number;
};

export type AnswerTimes = {
  /** From the moment when a question was due to its complete answer. */
  readonly ms: readonly number[];
  /** The header Server-Timing of each of these answers; empty without one. */
  readonly timings: readonly string[];
  /** Items or hits of all answers. */
  readonly found: number;
  /** Questions that were not answered with success. */
  readonly failed: number;
};

/** Asks in another process, so that sending a stream in this one does not delay it. */
export async function askInOwnProcess(
  questions: Questions,
  signal: AbortSignal,
): Promise<AnswerTimes> {
  const program = fileURLToPath(new URL('./questions-process.ts', import.meta.url));
  const asking = promisify(execFile)(process.execPath, [program], {
    signal,
    maxBuffer: 2 ** 24,
  });
  asking.child.stdin?.end(JSON.stringify(questions));
  return JSON.parse((await asking).stdout);
}

/** Resolves when all questions are answered. */
export async function askAtRate({ url, path, bodies, perSecond }: Questions): Promise<AnswerTimes> {
  const ms: number[] = [];
  const timings: string[] = [];
  let [found, failed] = [0, 0];
  const beganAt = performance.now();
  const ask = async (body: unknown, index: number): Promise<void> => {
    const dueAt = beganAt + (index * 1000) / perSecond;
    await systemClock.sleep(Math.max(0, dueAt - performance.now()));
    // Not the client: it does not pass on the header Server-Timing.
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = await response.text();
    if (!response.ok) {
      failed += 1;
      return;
    }
    ms.push(performance.now() - dueAt);
    timings.push(response.headers.get('server-timing') ?? '');
    const { items = [], hits = [] }: { items?: unknown[]; hits?: unknown[] } = JSON.parse(answer);
    found += items.length + hits.length;
  };
  await Promise.all(bodies.map(ask));
  return { ms, timings, found, failed };
}
