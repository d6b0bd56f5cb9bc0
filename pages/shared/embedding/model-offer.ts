// Reads which files of the gateway's model a browser can have.

import { filesOf, openModel, type Manifest } from '#core/model/model-manifest.ts';
import { FileLoader } from './file-loader.ts';
import { currentModel, modelAddress } from './model-files.ts';

/**
 * The manifest of the gateway's model, with only those dtypes whose files the gateway has.
 *
 * @throws DownloadError, ModelFileError
 */
export async function openOffer(): Promise<{
  readonly manifest: Manifest;
  readonly revision: string;
}> {
  const { revision, files } = await currentModel();
  const loader = new FileLoader(() => undefined);
  const { manifest } = await openModel((path) => loader.load(`${modelAddress(revision)}/${path}`));
  const available = new Set(files.map(({ path }) => path));
  const dtypes = Object.fromEntries(
    Object.entries(manifest.dtypes).filter(([dtype]) =>
      filesOf(manifest, dtype).every((path) => available.has(path)),
    ),
  );
  return { revision, manifest: { ...manifest, dtypes } };
}
