// Turns a model on Hugging Face into a folder with manifest and golden vectors; the folder appears
// complete or not at all.

import { readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import {
  dataFilesOf,
  goldenFile,
  manifestFile,
  parseManifest,
  type Manifest,
} from '#core/model/model-manifest.ts';
import { huggingFaceModelOf, type HuggingFaceModel } from '#core/model/model-source.ts';
import { graphOutputOf } from '#core/transformers/graph-output.ts';
import { makeFolder } from '../system/make-folder.ts';
import { download } from './download-file.ts';
import { createProgress, type Progress } from './download-progress.ts';
import {
  draftManifest,
  graphDtypes,
  graphFiles,
  sentenceFiles,
  sessionFiles,
} from './draft-manifest.ts';
import { graphWithData, isThere, missingFiles } from './graph-files.ts';
import type { HuggingFaceApi, HuggingFaceFile, HuggingFaceListing } from './hugging-face-api.ts';
import { makeGolden } from './make-golden.ts';
import type { Log } from './node-runner-log.ts';

export type HuggingFaceModelRequest = {
  readonly model: HuggingFaceModel;
  readonly folder: string;
  /** Their graphs are needed, besides the one that makes the golden vectors. */
  readonly dtypes: readonly string[];
};

/**
 * Resolves when the folder holds the model with these dtypes. Its manifest names every graph that
 * the hub has, downloaded or not, so that the model has the same identity on every machine.
 *
 * @throws UsageError, HuggingFaceError, SessionError
 */
export async function prepareHuggingFaceModel(
  { model, folder, dtypes }: HuggingFaceModelRequest,
  hub: HuggingFaceApi,
  log: Log,
): Promise<void> {
  const listing = await hub.list(model);
  if (!(await isThere(join(folder, manifestFile)))) {
    // Named by commit: a later start continues it only while the hub still has that commit.
    const draft = `${folder}.${listing.commit.slice(0, 12)}.partial`;
    await install(listing, folder, draft, hub, log).catch(async (error: unknown) => {
      // Another process was faster; its folder is as good.
      if (!(await isThere(join(folder, manifestFile)))) throw error;
      await rm(draft, { recursive: true, force: true });
    });
  }
  const manifest = parseManifest(await readFile(join(folder, manifestFile), 'utf8'));
  const files = (await missingFiles(folder, manifest, dtypes)).map((path) => fileOf(listing, path));
  for (const { path, sha256 } of files) {
    if (sha256 !== manifest.files[path])
      throw new UsageError(
        `${model.id} has changed on ${hub.host} since ${folder} was made: delete that folder ` +
          'to download the present model, which needs a new index.',
      );
  }
  await downloadAll(
    files.map((file) => ({ listing, file })),
    folder,
    hub,
    createProgress(log, model.id, files),
  );
}

async function install(
  listing: HuggingFaceListing,
  folder: string,
  draft: string,
  hub: HuggingFaceApi,
  log: Log,
): Promise<void> {
  const paths = [...listing.files.keys()];
  const dtypes = graphDtypes.filter((dtype) =>
    graphWithData(graphFiles[dtype], paths).every(
      (path) => listing.files.get(path)?.sha256 != null,
    ),
  );
  const [reference] = dtypes;
  if (reference === undefined)
    throw new UsageError(
      `${listing.id} cannot be used: it has none of ${Object.values(graphFiles).join(', ')}. ` +
        'Many models have a copy with such graphs, ' +
        'for example under Xenova/ or onnx-community/.',
    );

  const sentence = await sentenceSettings(listing, hub);
  const wanted = [
    ...[...sessionFiles, ...graphWithData(graphFiles[reference], paths)].map((path) => ({
      listing,
      file: fileOf(listing, path),
    })),
    ...sentenceFiles.flatMap((path) => {
      const file = sentence.files.get(path);
      return file === undefined ? [] : [{ listing: sentence, file }];
    }),
  ];
  makeFolder(draft, 0o777);
  const sums = await downloadAll(
    wanted,
    draft,
    hub,
    createProgress(
      log,
      listing.id,
      wanted.map(({ file }) => file),
    ),
  );

  log.info({ model: listing.id }, 'computing golden vectors');
  const graphs = dtypes
    .flatMap((dtype) => graphWithData(graphFiles[dtype], paths))
    .map((path) => [path, fileOf(listing, path).sha256 ?? ''] as const);
  const session = {
    modelId: listing.id,
    location: draft.replaceAll('\\', '/'),
    file: graphFiles[reference],
    weights: null,
    dataFiles: dataFilesOf(graphFiles[reference], paths).length,
    device: 'cpu' as const,
    dtype: reference,
    threads: 0,
  };
  const manifest: Manifest = {
    ...(await draftManifest({
      folder: draft,
      modelId: listing.id,
      licence: listing.licence,
      dtypes,
      output: await graphOutputOf(session),
      golden: 'local',
    })),
    files: Object.fromEntries([
      ...sessionFiles.map((path) => [path, sums.get(path) ?? ''] as const),
      ...graphs,
    ]),
  };
  await writeFile(
    join(draft, goldenFile),
    JSON.stringify(await makeGolden(draft, manifest, reference)),
    { flush: true },
  );
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  parseManifest(text);
  await writeFile(join(draft, manifestFile), text, { flush: true });
  await rename(draft, folder);
}

/**
 * The listing with the files of sentence-transformers. Conversions to ONNX often leave them out;
 * then it is the listing of the one model that this model was made from.
 */
async function sentenceSettings(
  listing: HuggingFaceListing,
  hub: HuggingFaceApi,
): Promise<HuggingFaceListing> {
  const base = huggingFaceModelOf(listing.baseModel ?? '');
  if (base === null || sentenceFiles.some((path) => listing.files.has(path))) return listing;
  return hub.list(base).catch((error: unknown) => {
    // The base model is not public: as if the card had not named it.
    if (error instanceof UsageError) return listing;
    throw error;
  });
}

type Wanted = { readonly listing: HuggingFaceListing; readonly file: HuggingFaceFile };

/** One after another, because the network is the limit. Resolves to each file's SHA-256. */
async function downloadAll(
  wanted: readonly Wanted[],
  folder: string,
  hub: HuggingFaceApi,
  progress: Progress,
): Promise<ReadonlyMap<string, string>> {
  const bytes = wanted.reduce((sum, { file }) => sum + file.size, 0);
  const disk = await statfs(dirname(folder));
  if (disk.bavail * disk.bsize < bytes)
    throw new UsageError(
      `The model needs ${megabytes(bytes)} in ${folder}; ` +
        `${megabytes(disk.bavail * disk.bsize)} are free.`,
    );
  const sums = new Map<string, string>();
  for (const { listing, file } of wanted)
    sums.set(file.path, await download(hub, listing, file, join(folder, file.path), progress));
  return sums;
}

function fileOf(listing: HuggingFaceListing, path: string): HuggingFaceFile {
  const file = listing.files.get(path);
  if (file === undefined) throw new UsageError(`${listing.id} cannot be used: it has no ${path}.`);
  return file;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
