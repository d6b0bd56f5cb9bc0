// The float graphs store their weights as integers: the runtime scales them once, not in every
// pass.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sessionOptions } from '#core/transformers/model-session.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { shippedModel } from './model-copies.ts';

const traceSchema = z.array(
  z.object({ name: z.string(), args: z.record(z.string(), z.unknown()) }),
);

const row = (values: bigint[]) => new Tensor('int64', BigInt64Array.from(values), [1, 4]);

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

test('q8 multiplies with integers that do not saturate', () => {
  expect(sessionOptions({ dtype: 'q8', threads: 2 })).toEqual({
    extra: { session: { x64quantprecision: '1' } },
    intraOpNumThreads: 2,
    interOpNumThreads: 1,
  });
});
