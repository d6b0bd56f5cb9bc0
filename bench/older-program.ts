// Unpacks another version of this project from its history, so that its gateway can be measured in
// turns with the present one.

import { execFile } from 'node:child_process';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from '#core/errors/errors.ts';
import { makeFolder } from '../system/make-folder.ts';
import { root } from './bench-gateway.ts';

const run = promisify(execFile);

/**
 * Its gateway runs in `folder`, with the packages of the present version.
 *
 * @param revision as git names it: a commit, a tag, `HEAD~3`
 * @throws UsageError when this copy of the project has no such revision
 */
export async function unpackRevision(revision: string, folder: string): Promise<void> {
  makeFolder(folder);
  const archive = join(folder, 'revision.tar');
  await run('git', [
    '-C',
    root,
    'archive',
    '--output',
    archive,
    '--end-of-options',
    revision,
  ]).catch((error: Error) => {
    throw new UsageError(`--against ${revision} cannot be unpacked: ${error.message.trim()}.`);
  });
  await run('tar', ['-x', '-f', archive, '-C', folder]);
  await rm(archive);
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
}
