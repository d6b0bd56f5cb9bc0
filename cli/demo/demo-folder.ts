// The demo has a data folder of its own, so that generated events never mix with those of a shop.

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import { makeFolder } from '../../system/make-folder.ts';

export const defaultDemoFolder = '.vectorstream-demo';
/** Marks a folder whose content may be mixed with generated events, or removed by --reset. */
const marker = 'made-by-the-demo';
const database = 'vectorstream.db';

/**
 * Creates the folder, or opens the one of an earlier demo.
 *
 * @param reset removes what an earlier demo left
 * @throws UsageError when the folder holds the data of a gateway that the demo did not start
 */
export function openDemoFolder(folder: string, reset: boolean): void {
  if (existsSync(join(folder, database)) && !existsSync(join(folder, marker)))
    throw new UsageError(
      `The folder ${folder} (VECTORSTREAM_DATA_DIR) holds data that the demo did not make, and ` +
        `generated events would mix with it: unset VECTORSTREAM_DATA_DIR, or name another folder.`,
    );
  if (reset && existsSync(join(folder, marker))) rmSync(folder, { recursive: true });
  makeFolder(folder);
  writeFileSync(join(folder, marker), '');
}
