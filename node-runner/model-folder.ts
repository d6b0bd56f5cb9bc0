// Opens the folder of the model that a setting names, after downloading it when it is one of the
// hub's and not yet here.

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

/** The model could not be made ready; the message is the one of the process that tried. */
class PrepareError extends VectorStreamError {
  override readonly name = 'PrepareError';
  readonly code = 'model_preparation';
  readonly retryable = true;
}

const project = fileURLToPath(new URL('..', import.meta.url));
const prepareFile = fileURLToPath(new URL('prepare-model.ts', import.meta.url));

/**
 * A relative folder is looked for in the working directory, then in the project. `dtypesOf`: whose
 * graphs are needed.
 *
 * @throws UsageError when there is neither such a folder nor such a model; ModelFileError,
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
 * @throws UsageError when there is no such folder; ModelFileError when its manifest is missing or
 *   wrong.
 */
export async function openModelFolder(path: string): Promise<ModelFolder> {
  const folder = resolve(path);
  if (!(await isFolder(folder))) throw noSuchFolder(path);
  return { folder, model: await openModel((file) => readFile(join(folder, file))) };
}

/** In a process of its own, which logs how far it is. */
async function prepare(
  model: HuggingFaceModel,
  folder: string,
  dtypes: readonly string[],
  { logLevel, logFormat }: RunnerOptions,
  signal: AbortSignal,
): Promise<void> {
  // The channel ends it when this process is gone, however it ended.
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
    `The process that prepares ${model.id} ended by ${killed ?? `exit code ${code}`}.`;
  throw code === 2 ? new UsageError(message) : new PrepareError(message);
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isDirectory() === true;
const noSuchFolder = (path: string): UsageError =>
  new UsageError(
    `VECTORSTREAM_MODEL is "${path}": there is no such folder. ` +
      'Give a folder with a model and its manifest.json, ' +
      'or the id of a model on Hugging Face, such as Xenova/bge-small-en-v1.5.',
  );
