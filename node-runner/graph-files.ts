// Finds which graph files of a model are in its folder, and their sizes. Separate from the
// download, so that a supervisor does not load the runtime.

import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFilesOf, type Manifest } from '#core/model/model-manifest.ts';

/** The graph and data files of these dtypes that are not in the folder. */
export async function missingFiles(
  folder: string,
  manifest: Manifest,
  dtypes: readonly string[],
): Promise<readonly string[]> {
  const paths = Object.keys(manifest.files);
  const needed = dtypes
    .flatMap((dtype) => manifest.dtypes[dtype]?.file ?? [])
    .flatMap((graph) => graphWithData(graph, paths));
  const present = await Promise.all(needed.map((path) => isThere(join(folder, path))));
  return needed.filter((_, index) => !present[index]);
}

/** Bytes of the dtype's graph and data files; a missing file counts 0. */
export async function graphBytesOf(
  folder: string,
  manifest: Manifest,
  dtype: string,
): Promise<number> {
  const files = graphWithData(manifest.dtypes[dtype]?.file ?? '', Object.keys(manifest.files));
  const sizes = await Promise.all(
    files.map(async (path) => (await stat(join(folder, path)).catch(() => null))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

export const graphWithData = (graph: string, paths: readonly string[]): readonly string[] => [
  graph,
  ...dataFilesOf(graph, paths),
];
export const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
