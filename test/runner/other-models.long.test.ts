// A downloaded model folder without a manifest becomes one that runners can use.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { readGolden } from '#core/model/model-manifest.ts';
import { cosine } from '#core/vectors/vector.ts';
import { openModelFolder } from '../../node-runner/model-folder.ts';
import { openSession } from '../../node-runner/proved-session.ts';
import { graphWithHiddenStates, modelCopy, shippedModel } from './model-copies.ts';

const bare = {
  'manifest.json': null,
  'golden.json': null,
  'onnx/model_webgpu.onnx': null,
  'onnx/model_fp16.onnx': null,
  'onnx/model_fp16_webgpu.onnx': null,
  'onnx/model_quantized.onnx': null,
};
const draft = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['scripts/write-manifest.ts', ...args]);

test.each([
  ['hidden states', 'mean', async () => ({ 'onnx/model.onnx': await graphWithHiddenStates() })],
  ['pooled vectors', 'none', async () => ({})],
] as const)(
  'a graph with %s gets pooling "%s" and correct golden vectors, and serves',
  async (_, pooling, graph) => {
    await using copy = await modelCopy({ ...bare, ...(await graph()) });
    const { stdout } = await draft(copy.folder, 'somebody/some-model');
    for (const derived of [`pooling     ${pooling}`, 'dimensions  384', 'max tokens  256'])
      expect(stdout).toContain(derived);
    const { model } = await openModelFolder(copy.folder);
    expect(model.manifest).toMatchObject({
      modelId: 'somebody/some-model',
      dimensions: 384,
      maxTokens: 256,
      pooling,
    });
    const [made, shipped] = await Promise.all([
      readGolden(model),
      openModelFolder(shippedModel).then((folder) => readGolden(folder.model)),
    ]);
    const cosines = made.cases.map(({ vector }, index) =>
      cosine(vector, shipped.cases[index]?.vector ?? []),
    );
    expect(Math.min(...cosines)).toBeGreaterThan(0.997);
    const { embedder } = await openSession({
      model: copy.folder,
      device: 'cpu',
      dtype: 'fp32',
      threads: 1,
      measureMs: 0,
    });
    expect(embedder.info).toMatchObject({
      modelId: 'somebody/some-model',
      modelRevision: model.revision,
    });
    await embedder[Symbol.asyncDispose]();
  },
);

test('a missing graph and a missing model name are reported', async () => {
  await using empty = await modelCopy({ ...bare, 'onnx/model.onnx': null });
  await expect(draft(empty.folder, 'somebody/some-model')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('there is none of onnx/model.onnx'),
  });
  await expect(draft(empty.folder)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("give the model's id as the second argument"),
  });
});
