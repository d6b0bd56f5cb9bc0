// The ways in which a program that runs under npm is ended, and what each must come to.

import { join } from 'node:path';
import { expect } from 'vitest';
import { startByNpm } from '../helpers/npm-program.ts';
import { processesOf } from '../helpers/process-list.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const stoppable = join(import.meta.dirname, '../helpers/stoppable.mjs');

/** What ends it, whom the signal is sent to, and how the program learns of it. */
export type WayToStop = readonly [
  signal: NodeJS.Signals,
  to: 'npm alone' | 'the process group',
  told: 'SIGINT' | 'SIGTERM' | 'disconnect',
];

/** The program is told once, ends its child and then itself, and no process is left. */
export async function expectStopped([signal, to, told]: WayToStop): Promise<void> {
  await using folder = await temporaryFolder();
  const { pid, stdout, closed } = await startByNpm(folder.path, [stoppable], {});
  await until('the program has started', 20_000, () => stdout().includes('started\n'));
  process.kill(to === 'npm alone' ? pid : -pid, signal);
  await until('no process is left', 10_000, () => processesOf(folder.path).length === 0);
  await closed;
  const lines = stdout().split('\n');
  expect(lines.slice(lines.indexOf('started'))).toEqual([
    'started',
    told,
    'the child has ended',
    '',
  ]);
}
