// Has a model of the Hugging Face hub made ready in the data folder, by a process of the runners:
// no model code runs in the gateway.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DependencyError, UsageError } from '#core/errors/errors.ts';
import { huggingFaceFolderName, huggingFaceModelOf } from '#core/model/model-source.ts';
import type { Config } from '../config/config.ts';

export type FoundModel = {
  readonly folder: string;
  /**
   * What the gateway's own runners are told: a model of the hub by its id, since they may need more
   * of its graphs.
   */
  readonly setting: string;
};

const project = join(import.meta.dirname, '../..');

/**
 * A relative folder is looked for in the working directory, then in the project; a name that is no
 * folder may be a model of the hub, which is downloaded unless it was before. `environment` is
 * handed on, for HF_TOKEN, HF_ENDPOINT and proxies. Throws `UsageError` when there is neither,
 * `DependencyError` when the hub or the disk fails.
 */
export async function findModel(
  config: Config,
  dataDir: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<FoundModel> {
  const { model: setting } = config.runners;
  for (const base of [process.cwd(), project]) {
    const folder = resolve(base, setting);
    if (await isFolder(folder)) return { folder, setting: folder };
  }
  const model = huggingFaceModelOf(setting);
  if (model === null) {
    throw new UsageError(
      `runners.model is "${setting}": there is no such folder. Give a folder with a model and its manifest.json, or the id of a model on Hugging Face, such as Xenova/bge-small-en-v1.5.`,
    );
  }
  const folder = join(dataDir, 'models', huggingFaceFolderName(model));
  if (!(await isFolder(folder))) {
    const request = JSON.stringify({
      model,
      folder,
      dtypes: [],
      logLevel: config.logging.level,
      logFormat: config.logging.format,
    });
    // It has no use for these.
    const env = {
      ...environment,
      VECTORSTREAM_API_KEY: undefined,
      VECTORSTREAM_RUNNER_TOKEN: undefined,
    };
    // The channel ends it when this process is gone, however it ended.
    const child = spawn(
      process.execPath,
      [join(project, 'node-runner/prepare-model.ts'), request],
      { env, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] },
    );
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code, killed] = await once(child, 'close');
    if (code !== 0) {
      const message =
        stderr.trim().split('\n').at(-1) ||
        `The process that prepares ${model.id} ended by ${killed ?? `exit code ${code}`}.`;
      throw code === 2
        ? new UsageError(message)
        : new DependencyError('model hub', 'model_preparation', message, { retryable: true });
    }
  }
  return { folder, setting };
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isDirectory() === true;
