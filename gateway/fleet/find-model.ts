// Finds the model's folder, or downloads a Hugging Face model into the data folder. A process of
// the runners does that, because the gateway runs no model code.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DependencyError, UsageError } from '#core/errors/errors.ts';
import {
  huggingFaceFolderName,
  huggingFaceModelOf,
  type HuggingFaceModel,
} from '#core/model/model-source.ts';
import type { Config } from '../config/config.ts';

export type FoundModel = {
  readonly folder: string;
  /**
   * The model setting for the gateway's own runners: a Hugging Face model by its id, because they
   * may have to download more of its graphs.
   */
  readonly setting: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

const project = join(import.meta.dirname, '../..');

/**
 * Looks for a relative folder in the working directory, then in the project. A name without a
 * folder may be a Hugging Face model: it is downloaded once. `environment` is passed to the
 * download for HF_TOKEN, HF_ENDPOINT and proxies.
 *
 * @throws UsageError when there is neither a folder nor a model of this name
 * @throws DependencyError when Hugging Face or the disk fails
 */
export async function findModel(
  config: Config,
  dataDir: string,
  environment: Environment,
): Promise<FoundModel> {
  const { model: setting } = config.runners;
  for (const base of [process.cwd(), project]) {
    const folder = resolve(base, setting);
    if (await isFolder(folder)) return { folder, setting: folder };
  }
  const model = huggingFaceModelOf(setting);
  if (model === null) {
    throw new UsageError(
      `runners.model is "${setting}": there is no such folder. ` +
        'Give a folder with a model and its manifest.json, or the id of a model on Hugging Face, ' +
        'such as Xenova/bge-small-en-v1.5.',
    );
  }
  const folder = join(dataDir, 'models', huggingFaceFolderName(model));
  if (!(await isFolder(folder))) await prepareModel(model, folder, config.logging, environment);
  return { folder, setting };
}

async function prepareModel(
  model: HuggingFaceModel,
  folder: string,
  { level, format }: Config['logging'],
  environment: Environment,
): Promise<void> {
  const request = JSON.stringify({ model, folder, dtypes: [], logLevel: level, logFormat: format });
  // The download does not need these secrets.
  const env = {
    ...environment,
    VECTORSTREAM_API_KEY: undefined,
    VECTORSTREAM_RUNNER_TOKEN: undefined,
  };
  // The IPC channel ends the child when this process is gone, even after a crash.
  const child = spawn(process.execPath, [join(project, 'node-runner/prepare-model.ts'), request], {
    env,
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code, killed] = await once(child, 'close');
  if (code === 0) return;
  const message =
    stderr.trim().split('\n').at(-1) ||
    `The process that prepares ${model.id} ended by ${killed ?? `exit code ${code}`}.`;
  throw code === 2
    ? new UsageError(message)
    : new DependencyError('model hub', 'model_preparation', message, { retryable: true });
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isDirectory() === true;
