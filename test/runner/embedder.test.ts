// The shipped graphs give correct vectors on this machine's CPU, in any batch and for any text.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readGolden } from '#core/model/model-manifest.ts';
import type { EmbedOutcome, Embedder } from '#core/ports.ts';
import { cpuBudget, createEmbedder } from '#core/transformers/embedder.ts';
import { sampleTexts } from '#core/transformers/sample-texts.ts';
import { checkGolden, warmUp, WrongVectorsError } from '#core/transformers/warm-up.ts';
import { cosine, vectorProblem } from '#core/vectors/vector.ts';
import { openModelFolder } from '../../node-runner/model-folder.ts';
import { modelWithHiddenStates, shippedModel } from './model-copies.ts';

async function open(
  dtype: string,
  path = shippedModel,
): Promise<{
  embedder: Embedder;
  check: () => ReturnType<typeof checkGolden>;
  warm: () => ReturnType<typeof warmUp>;
}> {
  const { model, folder } = await openModelFolder(path);
  const golden = await readGolden(model);
  const bounds = model.manifest.dtypes[dtype];
  if (bounds === undefined) throw new Error(`no dtype ${dtype}`);
  const embedder = await createEmbedder({
    model,
    location: folder,
    device: 'cpu',
    dtype,
    threads: 1,
    budget: cpuBudget,
    adapter: 'test',
    softwareAdapter: false,
  });
  return {
    embedder,
    check: () => checkGolden(embedder, golden, bounds),
    warm: () => warmUp(embedder, golden, bounds, 0),
  };
}

function vectorOf(outcome: EmbedOutcome | undefined): Float32Array {
  if (outcome?.ok !== true) throw new Error(`no vector: ${outcome?.message}`);
  return outcome.vector;
}

describe('golden texts on the CPU', () => {
  test.each(['fp32', 'fp16', 'q8', 'int8'])(
    '%s agrees with the reference within its bounds',
    async (dtype) => {
      const { embedder, check } = await open(dtype);
      await using _ = embedder;
      const verdict = await check();
      console.log(`${dtype}: ${verdict.message}`);
      expect(verdict).toMatchObject({ ok: true });
    },
  );
});

test('what is called fp32 is float32 arithmetic: only the weights are rounded', async () => {
  const { embedder, check } = await open('fp32');
  await using _ = embedder;
  // With 8-bit activations the mean is 0.9991.
  expect((await check()).mean).toBeGreaterThan(0.9993);
});

describe('a graph that outputs hidden states', () => {
  test('agrees with the reference after mean pooling and normalisation', async () => {
    await using copy = await modelWithHiddenStates('mean');
    const { embedder, check } = await open('fp32', copy.folder);
    await using _ = embedder;
    const verdict = await check();
    expect(verdict).toMatchObject({ ok: true });
  });

  test('fails the golden check when it is pooled by its first token', async () => {
    await using copy = await modelWithHiddenStates('cls');
    const { embedder, warm } = await open('fp32', copy.folder);
    await using _ = embedder;
    await expect(warm()).rejects.toThrow(WrongVectorsError);
  });
});

describe('one session', () => {
  let embedder: Embedder;
  beforeAll(async () => {
    ({ embedder } = await open('int8'));
  });
  afterAll(async () => {
    await embedder[Symbol.asyncDispose]();
  });

  test('gives a sign of life after every micro-batch', async () => {
    const texts = sampleTexts(64);
    let signs = 0;
    await embedder.embed(texts, () => (signs += 1));
    expect(signs).toBeGreaterThanOrEqual(4);
  });

  // int8 activations are quantised over a whole batch, so the other texts have an influence; float
  // graphs compute each text independently.
  test.each([
    ['fp32', 0.9999],
    ['int8', 0.99],
  ])('%s vectors alone and in a mixed batch have a cosine above %d', async (dtype, bound) => {
    const other = dtype === 'int8' ? null : await open(dtype);
    const session = other?.embedder ?? embedder;
    const texts = [
      'red ceramic mug',
      'steel water bottle, 750 ml, keeps cold for a day. '.repeat(12),
      '🎧',
      ...sampleTexts(20),
    ];
    const mixed = await session.embed(texts);
    for (const index of [0, 1, 2, 12]) {
      const [alone] = await session.embed([texts[index] ?? '']);
      expect(cosine(vectorOf(alone), vectorOf(mixed[index]))).toBeGreaterThan(bound);
    }
    await other?.embedder[Symbol.asyncDispose]();
  });

  test('outcomes are in the order of the texts', async () => {
    const texts = sampleTexts(40).flatMap((text, index) =>
      index % 3 === 0 ? [text, text.slice(0, 12)] : [text],
    );
    const outcomes = await embedder.embed(texts);
    expect(outcomes).toHaveLength(texts.length);
    for (const index of [0, 1, 17, texts.length - 1]) {
      const [alone] = await embedder.embed([texts[index] ?? '']);
      const similarities = outcomes.map((outcome) => cosine(vectorOf(alone), vectorOf(outcome)));
      expect(similarities.indexOf(Math.max(...similarities))).toBe(index);
    }
  });

  test.each([
    ['no text at all', ''],
    ['white space', ' \n\t '],
    ['an emoji', '🎧'],
    ['a joined emoji', '👩‍👩‍👧‍👦'],
    ['a lone surrogate', 'mug \ud800 red'],
    ['NUL', 'a\0b'],
    ['a very long text', 'ergonomic chair '.repeat(20_000)],
    ['one very long word', 'x'.repeat(50_000)],
    ['right to left', 'سماعات لاسلكية'],
    ['a special token', '[SEP] [MASK] [PAD]'],
  ])('%s gets a finite unit vector', async (_, text) => {
    const [outcome] = await embedder.embed([text]);
    expect(vectorProblem(vectorOf(outcome), embedder.info.dimensions)).toBeNull();
  });

  test('no texts give no outcomes', async () => {
    expect(await embedder.embed([])).toEqual([]);
  });

  test('a text beyond the token limit gets the vector of its beginning', async () => {
    const [longer, longest] = await embedder.embed([
      'garden hose '.repeat(400),
      'garden hose '.repeat(4000),
    ]);
    expect(cosine(vectorOf(longer), vectorOf(longest))).toBeGreaterThan(0.9999);
  });
});
