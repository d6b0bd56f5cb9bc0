// Every input that once found something passes today, and so does a short search from the corpus
// with a fixed seed.

import { globSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readCorpus } from './corpus.ts';
import { firstFailure, fuzz } from './fuzzer.ts';
import { targets } from './targets/all.ts';
import { planted } from './targets/planted.ts';

/** The cost of one execution, compared with parsing an event. */
const costs: Readonly<Record<string, number>> = {
  http: 30,
  import: 12,
  'import-mapped': 12,
  dates: 3,
  config: 3,
};
const executions = 300;
/** Without coverage of the tested code, the search would be blind. */
const sourceFiles = globSync('{core,gateway,kafka,cli}/**/*.ts');

describe.each(targets)('$name', (target) => {
  const corpus = readCorpus(target.name);

  test('follows code that exists', () => {
    expect(sourceFiles.some((file) => target.covers.test(`/${file}`))).toBe(true);
  });

  test('every kept input passes', async () => {
    for (const { name, input } of corpus)
      expect((await firstFailure(target, [input]))?.error, name).toBeUndefined();
  });

  test('a short search finds nothing', { timeout: 120_000 }, async () => {
    const result = await fuzz(target, {
      corpus: corpus.map(({ input }) => input),
      seed: 20,
      executionsMax: executions / (costs[target.name] ?? 1),
      isOver: () => false,
      onBatch: () => undefined,
    });
    expect(
      result.failure === null
        ? null
        : { input: result.failure.input.toString('latin1'), error: result.failure.error },
    ).toBeNull();
  });
});

test('the search finds a bug that chance would miss, and shrinks the input', async () => {
  const { failure } = await fuzz(planted, {
    corpus: [Buffer.from('some words')],
    seed: 1,
    executionsMax: 20_000,
    isOver: () => false,
    onBatch: () => undefined,
  });
  expect(failure?.input.toString()).toBe('redkettleboils');
});

test('an input that never ends is a failure', { timeout: 60_000 }, async () => {
  const endless = {
    name: 'endless',
    covers: /none/,
    words: ['x'],
    run: (input: Buffer) => {
      for (;;) if (input.length === 0) return;
    },
  };
  const failure = await firstFailure(endless, [Buffer.alloc(0), Buffer.from('x')], 500);
  expect(failure?.input.toString()).toBe('x');
});
