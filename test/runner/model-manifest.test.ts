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
  type Manifest,
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

/** The revision of d644d36: the SHA-256 of that version's manifest.json. */
const older = '1f3d84417748db4890915d21b16c42787418fd49db1c262addafdd73f3199b46';

/** The shipped model with other members in its manifest. */
async function revisionsWith(change: (manifest: Manifest) => object): Promise<readonly string[]> {
  const manifest = parseManifest((await shipped('manifest.json')).toString());
  const changed = JSON.stringify({ ...manifest, ...change(manifest) });
  await using copy = await modelCopy({ 'manifest.json': changed });
  const { model } = await openModelFolder(copy.folder);
  return [model.revision, model.filesRevision];
}

test('other files change what a download is checked against, not the vector revision', async () => {
  const { model } = await openModelFolder(shippedModel);
  for (const change of [
    ({ files }: Manifest) => ({ files: { ...files, 'golden.json': 'f'.repeat(64) } }),
    ({ dtypes: { fp32 } }: Manifest) => ({ dtypes: { fp32 } }),
    () => ({ licence: 'another', compatible: [] }),
  ]) {
    const [revision, filesRevision] = await revisionsWith(change);
    expect(revision).toBe(model.revision);
    expect(filesRevision).not.toBe(model.filesRevision);
  }
});

test('whatever makes other vectors changes the vector revision', async () => {
  const changes: readonly ((manifest: Manifest) => object)[] = [
    () => ({}),
    ...['weights', 'tokenizer', 'pooling', 'normalisation'].map(
      (name) =>
        ({ vectors }: Manifest) => ({ vectors: { ...vectors, [name]: 'other' } }),
    ),
    () => ({ modelId: 'other' }),
    () => ({ dimensions: 16 }),
    () => ({ maxTokens: 128 }),
    () => ({ prefixes: { query: 'query: ', passage: '' } }),
    () => ({ prefixes: { query: '', passage: 'query: ' } }),
  ];
  const revisions = await Promise.all(
    changes.map(async (change) => (await revisionsWith(change))[0]),
  );
  expect(new Set(revisions).size).toBe(changes.length);
});

test('a manifest without `vectors` is its own vector revision, as in older versions', async () => {
  const [revision, filesRevision] = await revisionsWith(() => ({ vectors: undefined }));
  expect(revision).toBe(filesRevision);
});

test('the shipped model names the revision of d644d36 as compatible', async () => {
  const { model } = await openModelFolder(shippedModel);
  expect(model.manifest.compatible).toContainEqual({
    revision: older,
    tokenizer: 'older',
    goldenTexts: 24,
  });
  expect(model.revision).not.toBe(older);
});

test('a truncated graph is reported with both hashes and how to restore it', async () => {
  const graph = await shipped('onnx/model_quantized.onnx');
  await using copy = await modelCopy({ 'onnx/model_quantized.onnx': graph.subarray(0, -1) });
  const { model } = await openModelFolder(copy.folder);
  await expect(verifyFiles(model, 'q8')).rejects.toThrow(
    new RegExp(
      'onnx/model_quantized.onnx .* expected SHA-256 ' +
        `${model.manifest.files['onnx/model_quantized.onnx']}, got [0-9a-f]{64} .*git checkout`,
    ),
  );
});

test('a damaged graph stops only the dtype that loads it', async () => {
  await using copy = await modelCopy({ 'onnx/model_quantized.onnx': 'damaged' });
  const { model } = await openModelFolder(copy.folder);
  await expect(verifyFiles(model, 'q8')).rejects.toThrow(ModelFileError);
  await verifyFiles(model, 'fp32');
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
    'There is no manifest.json in this folder. For a model of your own, ' +
      'npm run model-manifest -- ' +
      'FOLDER ID writes one',
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
