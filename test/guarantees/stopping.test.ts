// Programs end in order when their parent ends during their start, and when npm is told to stop;
// none leaves a process.

import { expect, test } from 'vitest';
import { needsProcessList, processesOf } from '../helpers/process-list.ts';
import { oneRunner, startProgram } from '../helpers/program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { toldUntilStopped, type WayToStop } from './stopping-by-npm.ts';

test.for([
  ['gateway', 'gateway/main.ts', ['--port', '0']],
  ['runner', 'node-runner/main.ts', []],
] as const)(
  'a %s whose parent ends during its start ends too, and leaves no process',
  { timeout: 240_000 },
  async ([, script, flags], { skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    const environment = { ...oneRunner, VECTORSTREAM_DATA_DIR: folder.path };
    await using program = startProgram({ script, flags, environment, channel: true });
    // A child notices the end of its parent only by this.
    program.child.disconnect();
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(processesOf(folder.path)).toEqual([]);
  },
);

test.for<WayToStop>([
  ['SIGTERM', 'npm alone', 'SIGTERM'],
  ['SIGINT', 'the process group', 'SIGINT'],
])(
  '%s to %s ends a program of npm start in order, and leaves no process',
  { timeout: 240_000 },
  async (way, { skip }) => {
    needsProcessList(skip);
    expect(await toldUntilStopped(way)).toEqual([way[2], 'the child has ended']);
  },
);
