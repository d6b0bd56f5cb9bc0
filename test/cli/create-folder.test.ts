// A folder is made with its parents, or the reason why it cannot be is told at once.

import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { claimWorkFolder } from '../../browser-runner/work-folder.ts';
import { createFolder } from '../../cli/create-folder.ts';
import { makeFolder } from '../../gateway/files/make-folder.ts';
import { makeRunnerFolder } from '../../node-runner/runner-folder.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

describe.for([
  ['a command', createFolder],
  ['the gateway', makeFolder],
] as const)('%s', ([, make]) => {
  test('makes a folder with its parents, for its owner alone, and again without harm', async () => {
    await using temporary = await temporaryFolder();
    const folder = join(temporary.path, 'a', 'b');
    make(folder);
    make(folder);
    for (const made of [folder, join(temporary.path, 'a')])
      expect((await stat(made)).mode & 0o777).toBe(0o700);
  });

  test('fails where a file stands in its place or in its way', async () => {
    await using temporary = await temporaryFolder();
    const file = join(temporary.path, 'file');
    await writeFile(file, '');
    expect(() => make(file)).toThrow('EEXIST');
    expect(() => make(join(file, 'folder'))).toThrow(/EEXIST|ENOTDIR/);
  });

  test('fails where the file system has no room for folders', () => {
    expect(() => make('/proc/vectorstream/data')).toThrow(/\/proc/);
  });
});

describe('a runner', () => {
  test('makes its folder with the parents, and again without harm', async () => {
    await using temporary = await temporaryFolder();
    const folder = join(temporary.path, 'a', 'b');
    await makeRunnerFolder(folder);
    await makeRunnerFolder(folder);
    expect((await stat(folder)).isDirectory()).toBe(true);
    await using work = await claimWorkFolder(join(temporary.path, 'c', 'd'));
    expect((await stat(work.path)).mode & 0o777).toBe(0o700);
  });

  test('fails at once where the file system has no room for folders', async () => {
    await expect(makeRunnerFolder('/proc/vectorstream/data')).rejects.toThrow(/\/proc/);
    await expect(claimWorkFolder('/proc/vectorstream')).rejects.toThrow(/cannot be written/);
  });
});
