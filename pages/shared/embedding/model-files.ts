// Opens the gateway's current model and the runtime, and keeps only current files in Cache Storage.

import { filesOf, ModelFileError, openModel, type Model } from '#core/model/model-manifest.ts';
import { gatewayAddress } from '../gateway-address.ts';
import { Download, DownloadError } from './download.ts';
import type { FileLoader } from './file-loader.ts';
import { forgetModel, forgetOtherModels, runtimeCache } from './model-caches.ts';

/** The answer of `GET /models/current`. */
export type CurrentModel = {
  readonly model_id: string;
  readonly revision: string;
  /** The files that the gateway has. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
};

/** @throws DownloadError */
export async function currentModel(): Promise<CurrentModel> {
  using download = new Download(`${gatewayAddress()}/models/current`);
  const response = await download.start({ cache: 'no-cache' });
  const current: CurrentModel = await response.json().catch((cause: unknown) => {
    throw download.failure(cause);
  });
  return current;
}

export const modelAddress = (revision: string): string => `${gatewayAddress()}/models/${revision}`;

/**
 * Opens the gateway's model: its manifest is checked by hash, and its files are read through
 * `loader`. Deletes the cached files of other models.
 *
 * @throws DownloadError, ModelFileError
 */
export async function openCurrentModel(loader: FileLoader, dtype: string): Promise<Model> {
  const { revision, files } = await currentModel();
  const model = await openModel((path) => loader.load(`${modelAddress(revision)}/${path}`));
  if (model.filesRevision !== revision) {
    await forgetModel(revision);
    throw new DownloadError(
      "The model's manifest is not the one that the gateway names: " +
        `its hash is ${model.filesRevision}, not ${revision}.`,
    );
  }
  const sizes = new Map(files.map(({ path, bytes }) => [path, bytes]));
  for (const path of filesOf(model.manifest, dtype)) {
    const bytes = sizes.get(path);
    if (bytes === undefined)
      throw new ModelFileError(
        `The gateway does not have ${path}: ` +
          `it has not downloaded ${dtype} of ${model.manifest.modelId}.`,
      );
    loader.expect(bytes);
  }
  await forgetOtherModels(revision);
  return model;
}

/**
 * Makes sure that this browser has the runtime's WebAssembly, of `bytes` bytes, and deletes older
 * ones. Returns `null` when the browser's HTTP cache holds it: loaded from there, it comes with the
 * machine code that the browser compiled before, which saves a second or two. Returns the bytes
 * otherwise.
 *
 * @throws DownloadError
 */
export async function loadRuntime(
  loader: FileLoader,
  address: string,
  bytes: number,
): Promise<ArrayBuffer | null> {
  if (await isInHttpCache(address)) return null;
  loader.expect(bytes);
  const { buffer } = await loader.load(address);
  const cache = await caches.open(runtimeCache).catch(() => null);
  for (const { url } of (await cache?.keys()) ?? []) if (url !== address) await cache?.delete(url);
  return (await isInHttpCache(address)) ? null : buffer;
}

/** The browser may drop what is in there at any time. */
async function isInHttpCache(address: string): Promise<boolean> {
  const cached = await fetch(address, { cache: 'only-if-cached', mode: 'same-origin' }).catch(
    () => null,
  );
  await cached?.body?.cancel();
  return cached?.ok === true;
}
