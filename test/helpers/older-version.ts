// Unpacks an older version of this project from its history, so that tests can run its programs
// beside those of today.

import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
/** The version whose data is in test/fixtures/d644d36. */
const commit = 'd644d36';
const parts = [
  'package.json',
  'cli',
  'client',
  'core',
  'gateway',
  'kafka',
  'models',
  'node-runner',
];

/**
 * Resolves with why the older version cannot be unpacked here, which is said on stderr; with `null`
 * when it can. A copy of the project without its history has only the present version.
 */
export async function noOlderVersion(): Promise<string | null> {
  try {
    await run('git', ['-C', root, 'cat-file', '-e', `${commit}^{commit}`]);
    return null;
  } catch {
    const reason = `this copy of the project has no history of commit ${commit}`;
    process.stderr.write(`\n*** SKIPPED: tests beside the older version. ${reason}. ***\n\n`);
    return reason;
  }
}

/** It shares the packages of the present version. */
export async function unpackOlderVersion(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  const archive = `git -C '${root}' archive ${commit} ${parts.join(' ')}`;
  await run('sh', ['-c', `${archive} | tar -x -C '${folder.path}'`]);
  await symlink(join(root, 'node_modules'), join(folder.path, 'node_modules'));
  return folder;
}
