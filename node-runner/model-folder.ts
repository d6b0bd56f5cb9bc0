// Opens the folder of the model that a setting names. Downloads a model from Hugging Face first if
// it is not here yet.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError, VectorStreamError } from '#core/errors/errors.ts';
import { openModel, type Manifest, type Model } from '#core/model/model-manifest.ts';
import {
  huggingFaceFolderName,
  huggingFaceModelOf,
  type HuggingFaceModel,
} from '#core/model/model-source.ts';
import { missingFiles } from './graph-files.ts';
import type { RunnerOptions } from './node-runner-options.ts';

export type ModelFolder = { readonly model: Model; readonly folder: string };

/** The model could not be prepared; the message comes from the process that tried. */
class PrepareError extends VectorStreamError {
  override readonly name = 'PrepareError';
  readonly code = 'model_preparation';
  readonly retryable = true;
}

const project = fileURLToPath(new URL('..', import.meta.url));
const prepareFile = fileURLToPath(new URL('prepare-model.ts', import.meta.url));

/**
 * Looks for a relative folder in the working directory, then in the project. `dtypesOf` names the
 * dtypes whose graphs are needed.
 *
 * @throws UsageError when neither such a folder nor such a model exists; ModelFileError,
 *   PrepareError
 */
export async function openConfiguredModel(
  options: RunnerOptions,
  dtypesOf: (manifest: Manifest) => readonly string[],
  signal: AbortSignal,
): Promise<ModelFolder> {
  for (const base of [process.cwd(), project]) {
    const folder = resolve(base, options.model);
    if (await isFolder(folder)) return openModelFolder(folder);
  }
  const hubModel = huggingFaceModelOf(options.model);
  if (hubModel === null) throw noSuchFolder(options.model);

  const folder = resolve(options.dataDir, 'models', huggingFaceFolderName(hubModel));
  if (!(await isFolder(folder))) await prepare(hubModel, folder, [], options, signal);
  const opened = await openModelFolder(folder);
  const dtypes = dtypesOf(opened.model.manifest);
  if ((await missingFiles(folder, opened.model.manifest, dtypes)).length > 0)
    await prepare(hubModel, folder, dtypes, options, signal);
  return opened;
}

/**
 * @throws UsageError when the folder does not exist; ModelFileError when its manifest is missing or
 *   invalid
 */
export async function openModelFolder(path: string): Promise<ModelFolder> {
  const folder = resolve(path);
  if (!(await isFolder(folder))) throw noSuchFolder(path);
  return { folder, model: await openModel((file) => readFile(join(folder, file))) };
}

/** Runs in a separate process, which logs its progress. */
async function prepare(
  model: HuggingFaceModel,
  folder: string,
  dtypes: readonly string[],
  { logLevel, logFormat }: RunnerOptions,
  signal: AbortSignal,
): Promise<void> {
  // Closing the channel ends the child, however this process ends.
  const child = fork(
    prepareFile,
    [JSON.stringify({ model, folder, dtypes, logLevel, logFormat })],
    { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], signal, killSignal: 'SIGKILL' },
  );
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code, killed] = await once(child, 'close');
  if (code === 0) return;
  const message =
    stderr.trim().split('\n').at(-1) ||
    `The process that prepares ${model.id} ended with ${killed ?? `exit code ${code}`}.`;
  throw code === 2 ? new UsageError(message) : new PrepareError(message);
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isDirectory() === true;
const noSuchFolder = (path: string): UsageError =>
  new UsageError(
    `VECTORSTREAM_MODEL is "${path}": there is no such folder. ` +
      'Set it to a folder with a model and its manifest.json, ' +
      'or to the id of a model on Hugging Face, such as Xenova/bge-small-en-v1.5.',
  );
