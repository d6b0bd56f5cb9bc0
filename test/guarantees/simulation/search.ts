// Searches for a history that breaks a promise. Such a history is shrunk and printed step by step,
// with the command that repeats it.

import fc from 'fast-check';
import { histories, runHistory, describeHistory } from './history.ts';
import { mixed } from './simulated-world.ts';

export type SearchOptions = {
  readonly seed: number;
  readonly count: number;
  /** Runs only this history (numbered from 1), to repeat a reported failure. */
  readonly only: number | null;
};

export type Found = {
  /** What to print; `null`: no promise was broken. */
  readonly failure: string | null;
  /** What happened, and how often. */
  readonly seen: ReadonlyMap<string, number>;
  /** The same for the same seed and count, on every machine. */
  readonly trace: number;
};

/** `run` executes one history. */
export async function search(
  { seed, count, only }: SearchOptions,
  run: typeof runHistory = runHistory,
): Promise<Found> {
  const seen = new Map<string, number>();
  const broken = new Map<string, readonly string[]>();
  let trace = 0;
  const result = await fc.check(
    fc.asyncProperty(histories, async (history) => {
      const { violations, trace: course } = await run(history, (what) =>
        seen.set(what, (seen.get(what) ?? 0) + 1),
      );
      trace = mixed(trace, course);
      if (violations.length > 0) broken.set(describeHistory(history), violations);
      return violations.length === 0;
    }),
    { seed, ...(only === null ? { numRuns: count } : { numRuns: 1, path: `${only - 1}` }) },
  );
  if (!result.failed) return { failure: null, seen, trace };
  const [history] = result.counterexample ?? [];
  const printed = history === undefined ? '' : describeHistory(history);
  const number = (only ?? 1) - 1 + result.numRuns;
  const violations = broken.get(printed) ?? [
    result.errorInstance instanceof Error
      ? (result.errorInstance.stack ?? '')
      : String(result.errorInstance),
  ];
  const failure = [
    `History ${number} of seed ${seed} breaks a promise. ` +
      `Shrunk ${result.numShrinks} times, these steps remain:`,
    printed,
    '  then nothing fails any more',
    'Violations:',
    ...violations.map((violation) => `  ${violation}`),
    `Repeat it with:  VECTORSTREAM_TEST_SEED=${seed} VECTORSTREAM_TEST_HISTORY=${number} ` +
      'npm run test:guarantees -- simulation.test',
  ].join('\n');
  return { failure, seen, trace };
}
