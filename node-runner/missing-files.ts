// Says which graphs of a downloaded model are not here yet; apart from the download, so that a supervisor does not load the runtime.

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFilesOf, type Manifest } from '#core/model-manifest.ts';

/** Those of the dtypes' graphs, with their data, that are not in the folder. */
export async function missingFiles(folder: string, manifest: Manifest, dtypes: readonly string[]): Promise<readonly string[]> {
  const paths = Object.keys(manifest.files);
  const needed = dtypes.flatMap((dtype) => manifest.dtypes[dtype]?.file ?? []).flatMap((graph) => graphWithData(graph, paths));
  const there = await Promise.all(needed.map((path) => isThere(join(folder, path))));
  return needed.filter((_, index) => !there[index]);
}

export const graphWithData = (graph: string, paths: readonly string[]): readonly string[] => [graph, ...dataFilesOf(graph, paths)];
export const isThere = (path: string): Promise<boolean> => access(path).then(() => true, () => false);
