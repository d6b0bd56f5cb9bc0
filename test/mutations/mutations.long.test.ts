// Proves that the tests can fail: each planted bug must make its test fail.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { mutations } from './mutations.ts';

const root = join(import.meta.dirname, '..', '..');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/**
 * Plants the bug in programs and workers that Node starts from files. The configuration of vitest
 * plants it in what vitest loads.
 */
const inPrograms = `--import=${pathToFileURL(join(root, 'test/mutations/plant.ts')).href}`;

describe.concurrent('the test notices the bug:', () => {
  test.each(mutations.map((mutation, index) => ({ ...mutation, index })))(
    '$bug',
    async ({ index, test: file }) => {
      const run = promisify(execFile)(
        process.execPath,
        [vitest, 'run', '--config', 'test/mutations/vitest.config.ts', file],
        {
          cwd: root,
          env: {
            ...process.env,
            VECTORSTREAM_MUTATION: String(index),
            VECTORSTREAM_TEST_SEED: '1',
            NODE_OPTIONS: inPrograms,
            NO_COLOR: '1',
          },
        },
      );
      const { code, stdout } = await run.then(
        ({ stdout: output }) => ({ code: 0, stdout: output }),
        (error: { code: number; stdout: string }) => error,
      );
      expect(code, stdout).toBe(1);
      // A test failed; a file that cannot be loaded does not count.
      expect(stripVTControlCharacters(stdout)).toMatch(/Tests {2}\d+ failed/);
    },
  );
});
