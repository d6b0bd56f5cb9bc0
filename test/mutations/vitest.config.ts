// Runs tests on code in which bug number VECTORSTREAM_MUTATION is planted. The files on disk do not
// change.

import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { mutations } from './mutations.ts';

const root = join(import.meta.dirname, '..', '..');
const mutation = mutations[Number(process.env['VECTORSTREAM_MUTATION'])];
if (mutation === undefined)
  throw new Error(`VECTORSTREAM_MUTATION must be a number from 0 to ${mutations.length - 1}.`);

export default defineConfig({
  root,
  plugins: [
    {
      name: 'plant-a-bug',
      enforce: 'pre',
      transform(code, id) {
        if (id.split('?')[0] !== join(root, mutation.file)) return undefined;
        return { code: code.replace(mutation.find, () => mutation.replace), map: null };
      },
    },
  ],
  // Code that was transformed for another run has another bug.
  test: { testTimeout: 10_000, bail: 1, fsModuleCache: false },
});
