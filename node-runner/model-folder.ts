// Opens a model's folder on disk.

import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UsageError } from '#core/errors.ts';
import { openModel, type Model } from '#core/model-manifest.ts';

export type ModelFolder = { readonly model: Model; readonly folder: string };

/** @throws UsageError when there is no such folder; ModelFileError when its manifest is missing or wrong. */
export async function openModelFolder(path: string): Promise<ModelFolder> {
  const folder = resolve(path);
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() !== true) {
    throw new UsageError(`VECTORSTREAM_MODEL is "${path}": there is no such folder. Give models/all-MiniLM-L6-v2, or a folder with the files of another model and their manifest.json (scripts/model-manifest.ts).`);
  }
  return { folder, model: await openModel((file) => readFile(join(folder, file))) };
}
