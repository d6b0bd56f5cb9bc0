// Finds every process that works for a data folder, orphans included: all of them inherit the
// folder in their environment.

import { readdirSync, readFileSync } from 'node:fs';

export type Role =
  | 'demo'
  | 'gateway'
  | 'supervisor'
  | 'worker'
  | 'browser-runner'
  | 'page'
  | 'browser'
  | 'other';
export type ListedProcess = { readonly pid: number; readonly role: Role };

const canList = process.platform === 'linux';

/**
 * Called first in every test that lists processes: where that is impossible the test is skipped,
 * and in CI it fails.
 */
export function needsProcessList(skip: (reason: string) => void): void {
  if (canList) return;
  const reason = 'Processes are found through /proc, which only Linux has.';
  if (process.env['CI']) throw new Error(reason);
  skip(reason);
}

const scripts: readonly (readonly [Role, string])[] = [
  ['demo', 'cli/demo/demo.ts'],
  ['gateway', 'gateway/main.ts'],
  ['supervisor', 'node-runner/main.ts'],
  ['worker', 'node-runner/worker.ts'],
  // The processes of a headless browser: its supervisor, the one that runs a page's code, and the
  // root of all others.
  ['browser-runner', 'browser-runner/main.ts'],
  ['page', '--type=renderer'],
  ['other', '--type='],
  ['browser', '--remote-debugging-pipe'],
];

/**
 * Running processes and their children; a process that has ended and is not yet reaped has no
 * environment any more.
 */
export function processesOf(dataDir: string): readonly ListedProcess[] {
  if (!canList) throw new Error('Only a test that calls needsProcessList may list processes.');
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({
      pid: Number(name),
      parent: Number(/\) \w (\d+)/.exec(read(`/proc/${name}/stat`))?.[1]),
      // Chromium overwrites the environment of its children.
      own: read(`/proc/${name}/environ`).split('\0').includes(`VECTORSTREAM_DATA_DIR=${dataDir}`),
    }));
  const byPid = new Map(all.map((one) => [one.pid, one]));
  const belongs = (pid: number): boolean => {
    const one = byPid.get(pid);
    return one !== undefined && (one.own || belongs(one.parent));
  };
  return all
    .filter(({ pid }) => belongs(pid))
    .map(({ pid }) => {
      const command = read(`/proc/${pid}/cmdline`);
      return { pid, role: scripts.find(([, script]) => command.includes(script))?.[0] ?? 'other' };
    });
}

/** Ends the remaining processes of a test, where they can be found. */
export function endProcessesOf(dataDir: string): void {
  for (const { pid } of canList ? processesOf(dataDir) : []) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }
}

export const pidsOf = (dataDir: string, role: Role): readonly number[] =>
  processesOf(dataDir)
    .filter((process) => process.role === role)
    .map(({ pid }) => pid);

/** Empty for a process that has ended, or belongs to another user. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
