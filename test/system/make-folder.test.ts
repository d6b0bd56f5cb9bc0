// A folder is made with its parents, or the reason why it cannot be is told at once.

import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { claimWorkFolder } from '../../browser-runner/work-folder.ts';
import { makeFolder } from '../../system/make-folder.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

describe('a program', () => {
  test('makes a folder with its parents, for its owner alone, and again without harm', async () => {
    await using temporary = await temporaryFolder();
    const folder = join(temporary.path, 'a', 'b');
    makeFolder(folder);
    makeFolder(folder);
    for (const made of [folder, join(temporary.path, 'a')])
      expect((await stat(made)).mode & 0o777).toBe(0o700);
  });

  test('fails where a file stands in its place or in its way', async () => {
    await using temporary = await temporaryFolder();
    const file = join(temporary.path, 'file');
    await writeFile(file, '');
    expect(() => makeFolder(file)).toThrow('EEXIST');
    expect(() => makeFolder(join(file, 'folder'))).toThrow(/EEXIST|ENOTDIR/);
  });

  test('fails where the file system has no room for folders', () => {
    expect(() => makeFolder('/proc/vectorstream/data')).toThrow(/\/proc/);
  });
});

describe('a runner', () => {
  test('makes its folder with the parents, and again without harm', async () => {
    await using temporary = await temporaryFolder();
    const folder = join(temporary.path, 'a', 'b');
    makeFolder(folder, 0o777);
    makeFolder(folder, 0o777);
    expect((await stat(folder)).isDirectory()).toBe(true);
    await using work = await claimWorkFolder(join(temporary.path, 'c', 'd'));
    expect((await stat(work.path)).mode & 0o777).toBe(0o700);
  });

  test('fails at once where the file system has no room for folders', async () => {
    expect(() => makeFolder('/proc/vectorstream/data', 0o777)).toThrow(/\/proc/);
    await expect(claimWorkFolder('/proc/vectorstream')).rejects.toThrow(/cannot be written/);
  });
});
