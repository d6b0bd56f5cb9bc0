// Makes golden vectors for a model that has none: its best graph embeds the shipped golden texts on
// the CPU.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseGolden, type Golden, type Manifest } from '#core/model/model-manifest.ts';
import { createEmbedder } from '#core/transformers/embedder.ts';
import { SessionError } from '#core/transformers/model-session.ts';

const shippedGolden = fileURLToPath(
  new URL('../models/all-MiniLM-L6-v2/golden.json', import.meta.url),
);

/**
 * Embeds one text per batch, so that padding has no influence.
 *
 * @throws ModelFileError, SessionError
 */
export async function makeGolden(
  folder: string,
  manifest: Manifest,
  dtype: string,
): Promise<Golden> {
  const { cases: texts } = parseGolden(await readFile(shippedGolden, 'utf8'));
  const model = {
    manifest,
    revision: '',
    filesRevision: '',
    read: (path: string) => readFile(join(folder, path)),
  };
  await using embedder = await createEmbedder({
    model,
    location: folder.replaceAll('\\', '/'),
    device: 'cpu',
    dtype,
    threads: 0,
    budget: 1,
    adapter: '',
    softwareAdapter: false,
  });
  const cases: { text: string; vector: number[] }[] = [];
  for (const { text } of texts) {
    const [outcome] = await embedder.embed([text]);
    if (outcome?.ok !== true)
      throw new SessionError(
        `${manifest.modelId} gives no vector for "${text.slice(0, 40)}": ${outcome?.message}`,
      );
    cases.push({
      text,
      vector: Array.from(outcome.vector, (value) => Number(value.toPrecision(7))),
    });
  }
  return {
    model: manifest.modelId,
    reference: `transformers.js, ${dtype} on the processor, cut at ${manifest.maxTokens} tokens`,
    dimensions: manifest.dimensions,
    cases,
  };
}
