// The audit trail's file: no line is lost, torn or appended to half a line, and no foreign
// descriptor is closed, whichever step fails.

import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TrailFile } from '../../gateway/access/trail-file.ts';
import { noSmallDisk, startSmallDisk } from '../helpers/small-disk.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';

let folder: TemporaryFolder;
let path = '';
beforeEach(async () => {
  folder = await temporaryFolder();
  path = join(folder.path, 'audit.ndjson');
});
afterEach(() => folder[Symbol.asyncDispose]());

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
const open = (bytesMax = 1_000) => {
  const file = new TrailFile(path, bytesMax);
  return { append: (line: string) => file.append(line), [Symbol.dispose]: () => file.close() };
};

test('a file that was moved away is followed by a new one at the path', () => {
  using file = open();
  file.append('before');
  renameSync(path, `${path}.moved`);
  expect(file.append('after')).toBeNull();
  expect(linesOf(`${path}.moved`)).toEqual(['before']);
  expect(linesOf(path)).toEqual(['after']);
});

test('a file that was removed or replaced is given up for the one at the path', () => {
  using file = open();
  file.append('removed');
  rmSync(path);
  file.append('kept');
  expect(linesOf(path)).toEqual(['kept']);
  rmSync(path);
  writeFileSync(path, 'of somebody else\n');
  file.append('behind it');
  expect(linesOf(path)).toEqual(['of somebody else', 'behind it']);
});

test('a file that was copied and truncated continues at its new end', () => {
  using file = open(20);
  file.append('0123456789');
  truncateSync(path);
  file.append('0123456789');
  expect(existsSync(`${path}.1`)).toBe(false);
});

test('a line never follows a torn one: after a restart, and while it runs', () => {
  writeFileSync(path, '{"half":');
  using file = open();
  file.append('whole');
  file.append('next');
  expect(linesOf(path)).toEqual(['{"half":', 'whole', 'next']);
  renameSync(path, `${path}.moved`);
  appendFileSync(path, 'torn');
  file.append('again');
  expect(linesOf(path)).toEqual(['torn', 'again']);
});

test('a rotation whose rename fails closes no foreign descriptor and loses no line', () => {
  using file = open(20);
  mkdirSync(join(`${path}.1`, 'in the way'), { recursive: true });
  file.append('0123456789');
  expect(file.append('one')).toBeNull();
  expect(file.append('0123456789')?.message).toMatch(/rename/);
  const other = openSync(join(folder.path, 'other'), 'w');
  expect(file.append('two')?.message).toMatch(/rename/);
  expect(writeSync(other, 'mine')).toBe(4);
  closeSync(other);
  expect(linesOf(path)).toEqual(['0123456789', 'one', '0123456789', 'two']);
  rmdirSync(join(`${path}.1`, 'in the way'));
  rmdirSync(`${path}.1`);
  expect(file.append('three')).toBeNull();
  expect(linesOf(path)).toEqual(['three']);
});

test('a new file that cannot be opened leaves the old one in use until it can', () => {
  using file = open();
  file.append('before');
  renameSync(path, `${path}.moved`);
  mkdirSync(path);
  expect(file.append('meanwhile')?.message).toMatch(/EISDIR/);
  rmdirSync(path);
  expect(file.append('after')).toBeNull();
  expect(linesOf(`${path}.moved`)).toEqual(['before', 'meanwhile']);
  expect(linesOf(path)).toEqual(['after']);
});

describe('on a disk that is full', async () => {
  const reason = await noSmallDisk();

  test.skipIf(reason !== null)(
    'the first line that fits again begins on its own line',
    async () => {
      await using disk = await startSmallDisk(join(folder.path, 'disk'));
      path = join(disk.outside, 'audit.ndjson');
      using file = open(1e9);
      file.append('before');
      await disk.fill();
      const long = 'x'.repeat(10_000);
      expect(() => file.append(long)).toThrow(/ENOSPC/);
      expect(() => file.append(long)).toThrow(/ENOSPC/);
      await disk.free();
      file.append('after');
      const lines = linesOf(path);
      expect(lines[0]).toBe('before');
      expect(lines.at(-1)).toBe('after');
      expect(lines.slice(1, -1).join('')).toMatch(/^x*$/);
    },
  );
});
