// Tells whether a run reached code that no run before it did, by V8's own count of blocks.

import { Session, type Profiler } from 'node:inspector/promises';

type Interval = readonly [start: number, end: number];

export type Coverage = AsyncDisposable & {
  /**
   * Whether code was reached since the last call that was never reached before. Unless `learn`, it
   * stays new.
   */
  grew(learn: boolean): Promise<boolean>;
  /** Characters of source that some run reached. */
  reached(): number;
};

/**
 * Covers the scripts whose address `counts` accepts. There is one profiler per process: dispose it
 * before the next.
 */
export async function startCoverage(counts: RegExp): Promise<Coverage> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  /**
   * Per function, the code that no run reached. V8 joins neighbouring blocks with the same count,
   * so reached blocks have no stable bounds.
   */
  const unreached = new Map<
    string,
    { readonly size: number; readonly gaps: readonly Interval[] }
  >();

  const isNew = (
    script: Profiler.ScriptCoverage,
    { ranges, functionName }: Profiler.FunctionCoverage,
    learn: boolean,
  ): boolean => {
    const whole = ranges[0];
    if (whole === undefined || whole.count === 0) return false;
    const gaps = ranges
      .filter(({ count }) => count === 0)
      .map(({ startOffset, endOffset }): Interval => [startOffset, endOffset]);
    const key = `${script.url}:${functionName}:${whole.startOffset}`;
    const known = unreached.get(key);
    const left = known === undefined ? gaps : common(known.gaps, gaps);
    if (known !== undefined && length(left) === length(known.gaps)) return false;
    if (learn) unreached.set(key, { size: whole.endOffset - whole.startOffset, gaps: left });
    return true;
  };

  return {
    async grew(learn) {
      const { result } = await session.post('Profiler.takePreciseCoverage');
      let grew = false;
      for (const script of result) {
        if (!counts.test(script.url)) continue;
        for (const covered of script.functions) grew = isNew(script, covered, learn) || grew;
      }
      return grew;
    },
    reached: () =>
      [...unreached.values()].reduce((sum, { size, gaps }) => sum + size - length(gaps), 0),
    async [Symbol.asyncDispose]() {
      await session.post('Profiler.stopPreciseCoverage');
      session.disconnect();
    },
  };
}

function common(some: readonly Interval[], others: readonly Interval[]): Interval[] {
  return some.flatMap(([start, end]) =>
    others.flatMap(([from, to]): Interval[] => {
      const [first, last] = [Math.max(start, from), Math.min(end, to)];
      return first < last ? [[first, last]] : [];
    }),
  );
}

const length = (intervals: readonly Interval[]): number =>
  intervals.reduce((sum, [start, end]) => sum + end - start, 0);
