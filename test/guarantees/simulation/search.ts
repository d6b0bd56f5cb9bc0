// Looks for a history that breaks a promise; one that does is shrunk, told step by step, and named
// so that it can be lived again.

import fc from 'fast-check';
import { histories, live, tell } from './history.ts';
import { mixed } from './simulated-world.ts';

export type SearchOptions = {
  readonly seed: number;
  readonly count: number;
  /** Only this one, from 1: of a failure that was told. */
  readonly only: number | null;
};

export type Found = {
  /** What to print; `null`: no promise was broken. */
  readonly failure: string | null;
  /** What happened, and how often. */
  readonly seen: ReadonlyMap<string, number>;
  /** The same for the same seed and count, always and everywhere. */
  readonly trace: number;
};

/** `lived`: how a history is lived through. */
export async function search(
  { seed, count, only }: SearchOptions,
  lived: typeof live = live,
): Promise<Found> {
  const seen = new Map<string, number>();
  const broken = new Map<string, readonly string[]>();
  let trace = 0;
  const result = await fc.check(
    fc.asyncProperty(histories, async (history) => {
      const { violations, trace: way } = await lived(history, (what) =>
        seen.set(what, (seen.get(what) ?? 0) + 1),
      );
      trace = mixed(trace, way);
      if (violations.length > 0) broken.set(tell(history), violations);
      return violations.length === 0;
    }),
    { seed, ...(only === null ? { numRuns: count } : { numRuns: 1, path: `${only - 1}` }) },
  );
  if (!result.failed) return { failure: null, seen, trace };
  const [history] = result.counterexample ?? [];
  const told = history === undefined ? '' : tell(history);
  const number = (only ?? 1) - 1 + result.numRuns;
  const violations = broken.get(told) ?? [
    result.errorInstance instanceof Error
      ? (result.errorInstance.stack ?? '')
      : String(result.errorInstance),
  ];
  const failure = [
    `History ${number} of seed ${seed} breaks a promise. ` +
      `Shrunk ${result.numShrinks} times, this is left of it:`,
    told,
    '  and then all is well.',
    'Broken:',
    ...violations.map((violation) => `  ${violation}`),
    `Again: VECTORSTREAM_TEST_SEED=${seed} VECTORSTREAM_TEST_HISTORY=${number} ` +
      'npm run test:guarantees -- simulation.test',
  ].join('\n');
  return { failure, seen, trace };
}
