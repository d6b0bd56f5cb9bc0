// The ways in which a program that runs under npm is ended, and what the program notices of each.

import { fileURLToPath } from 'node:url';
import { startByNpm } from '../helpers/npm-program.ts';
import { processesOf } from '../helpers/process-list.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const stoppable = fileURLToPath(new URL('../helpers/stoppable.mjs', import.meta.url));

/** What ends it, whom the signal is sent to, and how the program learns of it. */
export type WayToStop = readonly [
  signal: NodeJS.Signals,
  to: 'npm alone' | 'the process group',
  told: 'SIGINT' | 'SIGTERM' | 'disconnect',
];

/** Ends a program of npm that has a child. Returns what it tells, when no process is left. */
export async function toldUntilStopped([signal, to]: WayToStop): Promise<readonly string[]> {
  await using folder = await temporaryFolder();
  const { pid, stdout, closed } = await startByNpm(folder.path, [stoppable], {});
  await until('the program has started', 60_000, () => stdout().includes('started\n'));
  process.kill(to === 'npm alone' ? pid : -pid, signal);
  await until('no process is left', 60_000, () => processesOf(folder.path).length === 0);
  await closed;
  const lines = stdout().trim().split('\n');
  return lines.slice(lines.indexOf('started') + 1);
}
