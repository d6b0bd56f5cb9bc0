// A changed, missing or truncated model file is detected and named.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  ModelFileError,
  parseGolden,
  parseManifest,
  readGolden,
  verifyFiles,
} from '#core/model/model-manifest.ts';
import { goldenVerdict } from '#core/trust/golden.ts';
import { openModelFolder } from '../../node-runner/model-folder.ts';
import { modelCopy, shippedModel } from './model-copies.ts';

const shipped = (path: string): Promise<Buffer> => readFile(join(shippedModel, path));

test('the shipped model matches its manifest for every dtype', async () => {
  const { model } = await openModelFolder(shippedModel);
  for (const dtype of Object.keys(model.manifest.dtypes)) await verifyFiles(model, dtype);
  expect(await readGolden(model)).toMatchObject({ dimensions: model.manifest.dimensions });
  expect(model.revision).toMatch(/^[0-9a-f]{64}$/);
});

test('a truncated graph is reported with both hashes and how to restore it', async () => {
  const graph = await shipped('onnx/model_int8.onnx');
  await using copy = await modelCopy({ 'onnx/model_int8.onnx': graph.subarray(0, -1) });
  const { model } = await openModelFolder(copy.folder);
  await expect(verifyFiles(model, 'int8')).rejects.toThrow(
    new RegExp(
      'onnx/model_int8.onnx .* expected SHA-256 ' +
        `${model.manifest.files['onnx/model_int8.onnx']}, got [0-9a-f]{64} .*git checkout`,
    ),
  );
});

test('a damaged graph stops only the dtype that loads it', async () => {
  await using copy = await modelCopy({ 'onnx/model_int8.onnx': 'damaged' });
  const { model } = await openModelFolder(copy.folder);
  await expect(verifyFiles(model, 'int8')).rejects.toThrow(ModelFileError);
  await verifyFiles(model, 'q8');
});

test.each(['tokenizer.json', 'config.json', 'golden.json'])(
  'a missing or changed %s stops every dtype',
  async (path) => {
    await using missing = await modelCopy({ [path]: null });
    await using changed = await modelCopy({ [path]: `${(await shipped(path)).toString()} ` });
    for (const { folder } of [missing, changed]) {
      const { model } = await openModelFolder(folder);
      await expect(verifyFiles(model, 'q8')).rejects.toThrow(`Model file ${path} `);
    }
  },
);

test('a missing folder and a missing manifest are reported', async () => {
  await expect(openModelFolder('/no/such/model')).rejects.toThrow(
    'VECTORSTREAM_MODEL is "/no/such/model": there is no such folder.',
  );
  await using copy = await modelCopy({ 'manifest.json': null });
  await expect(openModelFolder(copy.folder)).rejects.toThrow(
    'Model file manifest.json cannot be read',
  );
});

test('an invalid manifest is reported with its invalid member', async () => {
  const manifest = JSON.parse((await shipped('manifest.json')).toString());
  expect(() => parseManifest('{')).toThrow('manifest.json is not JSON');
  expect(() => parseManifest(JSON.stringify({ ...manifest, dimensions: '384' }))).toThrow(
    'manifest.json is wrong at dimensions',
  );
  expect(() => parseManifest(JSON.stringify({ ...manifest, files: { '../secret': 'a' } }))).toThrow(
    'manifest.json is wrong at files',
  );
  expect(() => parseManifest(JSON.stringify({ ...manifest, files: {} }))).toThrow(
    'must be listed under files',
  );
  expect(() =>
    parseGolden(
      JSON.stringify({
        model: 'm',
        reference: 'r',
        dimensions: 2,
        cases: [{ text: 'a', vector: [1] }],
      }),
    ),
  ).toThrow('every vector');
});

test('the golden verdict applies both bounds and rejects NaN', () => {
  const bounds = { goldenMeanMin: 0.99, goldenMin: 0.98 };
  expect(goldenVerdict([0.999, 0.985], bounds)).toMatchObject({ ok: true, min: 0.985 });
  for (const cosines of [[0.999, 0.979], [0.985, 0.985], [1, NaN], [NaN], []])
    expect(goldenVerdict(cosines, bounds).ok).toBe(false);
});
