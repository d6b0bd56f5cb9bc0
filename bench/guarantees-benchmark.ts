// Measures what it costs to wait until writes are applied: the stream as it is, against a store
// that answers first and writes afterwards.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './bench-gateway.ts';
import { row, type Benchmark } from './benchmark.ts';
import { median, medianRatio } from './figures.ts';

const count = 100_000;
const rounds = 3;

export const guarantees: Benchmark = {
  name: 'guarantees',
  about:
    'Events from the embedded log through the pipeline to the embedded store, with vectors at ' +
    'once: as it is, against a store that answers before writes are applied.',
  async run({ folder, isQuick, signal }) {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        join(root, 'bench/embedded/measure-guarantees.ts'),
        folder,
        String(isQuick ? count / 10 : count),
        String(rounds),
      ],
      { signal },
    );
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the program above prints
    const measured = JSON.parse(stdout) as readonly {
      readonly waiting: number;
      readonly behind: number;
    }[];
    return [
      row(
        'as it is: an event settles when its write is applied',
        median(measured.map(({ waiting }) => waiting)),
        'events/s',
      ),
      row(
        'without the guarantee: it settles before',
        median(measured.map(({ behind }) => behind)),
        'events/s',
      ),
      row(
        'ratio, with the guarantee to without',
        medianRatio(measured.map(({ waiting, behind }) => ({ ours: waiting, theirs: behind }))),
        '×',
      ),
    ];
  },
};
