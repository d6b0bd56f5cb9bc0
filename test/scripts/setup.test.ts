// The set-up script reports a problem in one line, and does its work once. A scripted npm replaces
// the network.

import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

const scripts = join(import.meta.dirname, '../../scripts');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-setup-'));
  await mkdir(join(folder, 'scripts'));
  for (const name of ['setup.mjs', 'build-pages.mjs', 'hand-over.mjs'])
    await copyFile(join(scripts, name), join(folder, 'scripts', name));
  await writeFile(join(folder, 'package-lock.json'), '{}');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A scripted npm that records each call and answers `ci` as the test says. */
async function scriptNpm({ output, code }: { output: string; code: number }): Promise<string> {
  const file = join(folder, 'npm.js');
  await writeFile(
    file,
    `
    const fs = require('node:fs');
    fs.appendFileSync(${JSON.stringify(join(folder, 'calls'))}, process.argv[2] + '\\n');
    if (process.argv[2] !== 'ci') process.exit(0);
    fs.mkdirSync(${JSON.stringify(join(folder, 'node_modules/.bin'))}, { recursive: true });
    fs.writeFileSync(${JSON.stringify(join(folder, 'node_modules/.bin/node'))}, '');
    process.stderr.write(${JSON.stringify(output)});
    process.exit(${code});
  `,
  );
  return file;
}

async function setUp(
  npm: string,
  preload: string[] = [],
): Promise<{ code: number | null; lines: string[] }> {
  const child = spawn(process.execPath, [...preload, join(folder, 'scripts/setup.mjs')], {
    env: { ...process.env, npm_execpath: npm },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  return { code: await promise, lines: text.trim().split('\n') };
}

describe('set-up', () => {
  test('installs once, and again only when the locked packages change', async () => {
    const npm = await scriptNpm({ output: '', code: 0 });
    expect((await setUp(npm)).code).toBe(0);
    expect((await setUp(npm)).lines).toEqual(['']);
    await writeFile(join(folder, 'package-lock.json'), '{"changed":true}');
    expect((await setUp(npm)).code).toBe(0);
    const calls = (await readFile(join(folder, 'calls'), 'utf8')).split('\n');
    expect(calls.filter((call) => call === 'ci')).toHaveLength(2);
  });

  test.each([
    [
      'npm error code ENOTFOUND\nnpm error A complete log of this run',
      'the npm registry cannot be reached',
    ],
    ['npm error code ENOSPC', 'the disk is full'],
    ['npm error code EACCES', 'no permission to write'],
    ['npm error code EINTEGRITY', 'does not match its checksum'],
    ['npm error something unexpected', 'something unexpected'],
  ])('ends with one line when npm says %j, and does not count as done', async (output, line) => {
    const npm = await scriptNpm({ output, code: 1 });
    for (const attempt of [1, 2]) {
      const { code, lines } = await setUp(npm);
      expect(code, `attempt ${attempt}`).toBe(1);
      expect(lines.at(-1)).toMatch(/^Set-up stopped: /);
      expect(lines.at(-1)).toContain(line);
    }
  });

  test('names the present and the required Node version', async () => {
    const preload = join(folder, 'old-node.cjs');
    await writeFile(
      preload,
      `Object.defineProperty(process, 'versions', ` +
        `{ value: { ...process.versions, node: '18.19.0' } });`,
    );
    const { code, lines } = await setUp(await scriptNpm({ output: '', code: 0 }), [
      '--require',
      preload,
    ]);
    expect(code).toBe(1);
    expect(lines).toEqual([
      expect.stringContaining('this is Node 18.19.0, VectorStream needs Node 20 or newer'),
    ]);
  });

  test('refuses to run on a Node older than the packaged ones, with what to do', async () => {
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({
        optionalDependencies: { 'node-x': '26.1.0', 'node-y': '24.18.1', other: '1.0.0' },
      }),
    );
    const npm = join(folder, 'npm.js');
    await writeFile(
      npm,
      `require('node:fs').mkdirSync(${JSON.stringify(join(folder, 'node_modules'))}, ` +
        '{ recursive: true });',
    );
    const on = async (version: string) => {
      const preload = join(folder, `node-${version}.cjs`);
      await writeFile(
        preload,
        `Object.defineProperty(process, 'versions', ` +
          `{ value: { ...process.versions, node: '${version}' } });`,
      );
      return setUp(npm, ['--require', preload]);
    };
    const old = await on('24.9.0');
    expect(old.code).toBe(1);
    expect(old.lines.at(-1)).toMatch(
      /^Set-up stopped: there is no packaged Node for .* 24\.9\.0: VectorStream needs Node 24\.18\.1/,
    );
    expect((await on('24.18.1')).code).toBe(0);
    expect((await on('26.0.0')).code).toBe(0);
  });

  test('packages for every platform a Node with the fixes of 24.4.1', async () => {
    const { optionalDependencies } = z
      .object({ optionalDependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(await readFile(join(scripts, '../package.json'), 'utf8')));
    const nodes = Object.entries(optionalDependencies).filter(([name]) => name.startsWith('node-'));
    expect(nodes).toHaveLength(5);
    for (const [name, version] of nodes)
      expect(version.localeCompare('24.4.1', 'en', { numeric: true }), name).toBeGreaterThan(0);
  });

  test('reports too little disk space before it begins', async () => {
    const preload = join(folder, 'full-disk.cjs');
    await writeFile(
      preload,
      `require('node:fs').statfsSync = () => ({ bavail: 100, bsize: 4096 });`,
    );
    const { code, lines } = await setUp(await scriptNpm({ output: '', code: 0 }), [
      '--require',
      preload,
    ]);
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/has 0\.0 GB free, the packages need 1\.8 GB/)]);
  });
});
