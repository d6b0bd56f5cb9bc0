// Searches for an input that breaks a target's claims: mutates known inputs, keeps those that reach
// new code, and shrinks those that fail.

import vm from 'node:vm';
import { seeded } from '../helpers/seeded.ts';
import { startCoverage } from './coverage.ts';
import { mutate, type Words } from './mutate.ts';

export type Target = {
  readonly name: string;
  /** Addresses of the scripts whose coverage guides the search. */
  readonly covers: RegExp;
  /** Words of the input's language. */
  readonly words: Words;
  /**
   * Throws when a claim does not hold for this input. In a target that returns a promise, that
   * promise rejects.
   */
  readonly run: (input: Buffer) => void | Promise<void>;
};

export type FuzzOptions = {
  readonly corpus: readonly Buffer[];
  readonly seed: number;
  readonly executionsMax: number;
  /** Asked between batches. */
  readonly isOver: () => boolean;
  readonly onBatch: (state: {
    readonly executions: number;
    readonly kept: number;
    readonly reached: number;
  }) => void;
};

export type Failure = { readonly input: Buffer; readonly error: unknown };

export type FuzzResult = {
  readonly executions: number;
  readonly reached: number;
  /** Inputs that reached new code, in the order in which they were found. */
  readonly found: readonly Buffer[];
  readonly failure: Failure | null;
};

/** Reading the coverage costs as much as dozens of runs. */
const batchInputs = 32;
const hangMs = 20_000;
const shrinkRunsMax = 500;
const keptMax = 2000;

/**
 * Tries the known inputs first, then mutations of them. The same seed, corpus and code give the
 * same inputs.
 */
export async function fuzz(
  target: Target,
  { corpus, seed, executionsMax, isOver, onBatch }: FuzzOptions,
): Promise<FuzzResult> {
  const random = seeded(seed);
  const known = [...corpus];
  await using coverage = await startCoverage(target.covers);
  let executions = corpus.length;
  let failure = await firstFailure(target, corpus);
  await coverage.grew(true);
  while (failure === null && executions < executionsMax && !isOver()) {
    const batch = Array.from({ length: batchInputs }, () => mutate(known, random, target.words));
    failure = await firstFailure(target, batch);
    executions += batch.length;
    if (failure === null && (await coverage.grew(false))) {
      for (const input of batch) {
        failure ??= await firstFailure(target, [input]);
        if ((await coverage.grew(true)) && known.length < keptMax) known.push(input);
      }
    }
    onBatch({ executions, kept: known.length - corpus.length, reached: coverage.reached() });
  }
  return {
    executions,
    reached: coverage.reached(),
    found: known.slice(corpus.length),
    failure: failure && (await shrunk(target, failure)),
  };
}

/**
 * Runs them in order. A run that does not end is a failure, too: a loop is interrupted, and a
 * promise is abandoned.
 */
export async function firstFailure(
  target: Target,
  inputs: readonly Buffer[],
  msMax: number = hangMs,
): Promise<Failure | null> {
  let at = 0;
  const pending: { promise: Promise<void> | null } = { promise: null };
  const untilPromise = (): void => {
    for (; at < inputs.length; at += 1) {
      pending.promise = target.run(inputs[at] ?? Buffer.alloc(0)) ?? null;
      if (pending.promise !== null) return;
    }
  };
  while (at < inputs.length) {
    try {
      interruptible(untilPromise, msMax);
      if (pending.promise !== null) await within(pending.promise, msMax);
      at += 1;
    } catch (error) {
      return { input: inputs[at] ?? Buffer.alloc(0), error };
    }
  }
  return null;
}

function interruptible(run: () => void, msMax: number): void {
  vm.runInNewContext('run()', { run }, { timeout: msMax });
}

async function within(running: Promise<void>, msMax: number): Promise<void> {
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(() => timer.reject(new Error(`No answer within ${msMax} ms`)), msMax);
  try {
    await Promise.race([running, timer.promise]);
  } finally {
    clearTimeout(timeout);
  }
}

/**
 * Removes ever smaller pieces as long as the input still fails. A hang is not shrunk, because each
 * attempt would take its full time.
 */
async function shrunk(target: Target, failure: Failure): Promise<Failure> {
  let smallest = failure;
  let runs = 0;
  for (
    let piece = Math.ceil(failure.input.length / 2);
    piece > 0 && runs < shrinkRunsMax;
    piece = piece === 1 ? 0 : Math.ceil(piece / 2)
  ) {
    for (let at = 0; at < smallest.input.length && runs < shrinkRunsMax;) {
      if (isHang(smallest.error)) return smallest;
      const { input } = smallest;
      runs += 1;
      const less = await firstFailure(target, [
        Buffer.concat([input.subarray(0, at), input.subarray(at + piece)]),
      ]);
      if (less === null) at += piece;
      else smallest = less;
    }
  }
  return smallest;
}

const isHang = (error: unknown): boolean =>
  error instanceof Error &&
  (error.message.startsWith('No answer') ||
    ('code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'));
