// Measures the embedded log and store alone, without HTTP, runners or a parser before them.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './bench-gateway.ts';
import { row, type Benchmark, type Row } from './benchmark.ts';

export const store: Benchmark = {
  name: 'store',
  about:
    'The embedded log and store alone: 20,000 texts, 200,000 events, searches by both plans, ' +
    'trends, recommendations.',
  async run({ folder, isQuick, signal }) {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(root, 'bench/embedded/measure-store.ts'), folder, String(isQuick ? 0.1 : 1)],
      { signal },
    );
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the program above prints
    const figures = JSON.parse(stdout) as Readonly<
      Record<string, { readonly value: number; readonly unit: string }>
    >;
    return Object.entries(figures).map(([measure, { value, unit }]): Row =>
      row(measure, value, unit),
    );
  },
};
