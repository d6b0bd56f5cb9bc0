// Writes the fake model as a folder, as the gateway opens one: manifest and golden texts, no
// weights.

import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openModel } from '#core/model/model-manifest.ts';
import type { Embedder } from '#core/ports.ts';
import { bounds, dimensions, fakeEmbedder, golden, identity } from './fake-model.ts';

/** Resolves to the model's revision. */
export async function writeFakeModel(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const goldenJson = JSON.stringify({
    model: identity.modelId,
    reference: 'none',
    dimensions,
    cases: golden.cases,
  });
  await writeFile(join(folder, 'golden.json'), goldenJson);
  await writeFile(
    join(folder, 'manifest.json'),
    JSON.stringify({
      format: 1,
      modelId: identity.modelId,
      licence: 'none',
      dimensions,
      maxTokens: 256,
      pooling: 'none',
      normalise: false,
      prefixes: { query: '', passage: '' },
      dtypes: { fp32: { file: 'golden.json', devices: ['cpu'], ...bounds.fp32 } },
      files: { 'golden.json': createHash('sha256').update(goldenJson).digest('hex') },
    }),
  );
  return (await openModel((file) => readFile(join(folder, file)))).revision;
}

/** An embedder for the model in that folder. */
export function embedderOf(revision: string): Embedder & { readonly embedded: string[] } {
  const embedder = fakeEmbedder();
  return { ...embedder, info: { ...embedder.info, modelRevision: revision } };
}
