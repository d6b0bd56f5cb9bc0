// The float graphs store their weights as integers: the runtime scales them once, not in every
// pass.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sessionOptions } from '#core/transformers/model-session.ts';
import { cosine } from '#core/vectors/vector.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { shippedModel } from './model-copies.ts';

const traceSchema = z.array(
  z.object({ name: z.string(), args: z.record(z.string(), z.unknown()) }),
);

const row = (values: bigint[], tokens = values.length) =>
  new Tensor('int64', BigInt64Array.from(values), [values.length / tokens, tokens]);
const sequence = (first: number, length: number, step = 7) =>
  Array.from({ length }, (_, index) => first + index * step);

/** By operator, how often it runs in one pass over one text. */
async function operatorsOf(dtype: string, file: string): Promise<ReadonlyMap<string, number>> {
  await using folder = await temporaryFolder();
  const session = await InferenceSession.create(join(shippedModel, 'onnx', file), {
    ...sessionOptions({ dtype, threads: 1 }),
    enableProfiling: true,
    profileFilePrefix: join(folder.path, 'profile'),
  });
  await session.run({
    input_ids: row([101n, 2417n, 12856n, 102n]),
    attention_mask: row([1n, 1n, 1n, 1n]),
  });
  session.endProfiling();
  await session.release();
  const [written = ''] = await readdir(folder.path);
  const trace = traceSchema.parse(JSON.parse(await readFile(join(folder.path, written), 'utf8')));
  const counts = new Map<string, number>();
  for (const { name, args } of trace)
    if (name.endsWith('_kernel_time'))
      counts.set(String(args['op_name']), (counts.get(String(args['op_name'])) ?? 0) + 1);
  return counts;
}

test.each([
  ['fp32', 'model.onnx'],
  ['fp16', 'model_fp16.onnx'],
])('%s multiplies with floats, and scales no weights in a pass', async (dtype, file) => {
  const operators = await operatorsOf(dtype, file);
  expect(operators.get('MatMul')).toBeGreaterThanOrEqual(24);
  expect(operators.has('DequantizeLinear')).toBe(false);
  expect(operators.has('MatMulNBits')).toBe(false);
});

test.each([
  ['fp32', 'model_webgpu.onnx'],
  ['fp16', 'model_fp16_webgpu.onnx'],
])('the %s graph for WebGPU is fused, and scales no weights in a pass', async (dtype, file) => {
  const operators = await operatorsOf(dtype, file);
  expect(operators.get('Gemm')).toBe(6);
  expect(operators.get('SkipLayerNormalization')).toBe(12);
  expect(operators.get('BiasGelu')).toBe(6);
  // Wrong on some GPUs; see scripts/fuse-graphs.py.
  expect(operators.has('MultiHeadAttention')).toBe(false);
  expect(operators.has('DequantizeLinear')).toBe(false);
});

/** The vectors of padded texts of 2, 4 and 100 tokens, one after the other. */
async function vectorsOf(dtype: string, file: string): Promise<Float32Array> {
  const texts = [
    [101, 102],
    [101, 2417, 12856, 102],
    [101, ...sequence(2_000, 98), 102],
  ];
  const tokens = Math.max(...texts.map(({ length }) => length));
  const ids = texts.flatMap((text) => [...text, ...sequence(0, tokens - text.length, 0)]);
  const mask = ids.map((id) => (id === 0 ? 0n : 1n));
  const session = await InferenceSession.create(join(shippedModel, 'onnx', file), {
    ...sessionOptions({ dtype, threads: 1 }),
  });
  const { sentence_embedding: vectors } = await session.run({
    input_ids: row(ids.map(BigInt), tokens),
    attention_mask: row(mask, tokens),
  });
  await session.release();
  if (!(vectors?.data instanceof Float32Array)) throw new Error('The graph gave no vectors.');
  return vectors.data;
}

test.each([
  ['fp32', 'model_webgpu.onnx', 0.999999],
  ['fp16', 'model_fp16_webgpu.onnx', 0.9997],
])('the %s graph for WebGPU gives the vectors of float32', async (dtype, file, least) => {
  const [expected, found] = [await vectorsOf('fp32', 'model.onnx'), await vectorsOf(dtype, file)];
  for (const from of [0, 384, 768])
    expect(cosine(found.slice(from, from + 384), expected.slice(from, from + 384))).toBeGreaterThan(
      least,
    );
});

test('q8 multiplies with integers that do not saturate', () => {
  expect(sessionOptions({ dtype: 'q8', threads: 2 })).toEqual({
    extra: { session: { x64quantprecision: '1' } },
    intraOpNumThreads: 2,
    interOpNumThreads: 1,
  });
});
