// Starts a program as `npm start` does: real npm, its shell and the real hand-over after set-up, in
// a folder of its own in which nothing is left to set up.

import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inheritedEnvironment, type Ending } from './program.ts';

export type NpmProgram = {
  readonly npm: ChildProcess;
  readonly pid: number;
  readonly stdout: () => string;
  /** Resolves when nobody can write to its output any more. */
  readonly closed: Promise<unknown>;
  /** Resolves when npm is gone. */
  readonly ended: Promise<Ending>;
};

const root = join(import.meta.dirname, '..', '..');
const lock = '{}';

/**
 * `program`: a script, absolute, with its flags; no part of it has a space. `folder` is its data
 * folder too, by which its processes are found.
 */
export async function startByNpm(
  folder: string,
  program: readonly string[],
  environment: Readonly<Record<string, string>>,
  command: readonly [string, ...string[]] = ['npm', 'start'],
): Promise<NpmProgram> {
  await mkdir(join(folder, 'scripts'), { recursive: true });
  await mkdir(join(folder, 'node_modules'), { recursive: true });
  for (const name of ['setup.mjs', 'build-pages.mjs', 'hand-over.mjs'])
    await copyFile(join(root, 'scripts', name), join(folder, 'scripts', name));
  await writeFile(join(folder, 'package-lock.json'), lock);
  const stamp = createHash('sha256').update(lock).update(`${process.platform}-${process.arch}`);
  await writeFile(join(folder, 'node_modules', '.vectorstream-setup'), stamp.digest('hex'));
  const scripts = {
    start: 'node scripts/setup.mjs start:run',
    'start:run': ['node', ...program].join(' '),
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', scripts }));

  const [starter, ...words] = command;
  const npm = spawn(starter, words, {
    cwd: folder,
    // A process group of its own, as a shell gives to a command.
    detached: true,
    env: { ...inheritedEnvironment(), ...environment, VECTORSTREAM_DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { pid } = npm;
  if (pid === undefined) throw new Error('npm cannot be started.');
  let stdout = '';
  npm.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  const ended = new Promise<Ending>((resolve) =>
    npm.once('exit', (code, signal) => resolve({ code, signal })),
  );
  return { npm, pid, stdout: () => stdout, closed: once(npm, 'close'), ended };
}
