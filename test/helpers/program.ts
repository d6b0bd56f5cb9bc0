// Starts a program of this project as a real process whose settings come only from the test.

import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';

export type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Program = AsyncDisposable & {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ending>;
};

export type ProgramOptions = {
  /** Path from the root of the project. */
  readonly script: string;
  /** The root of another version of the project. */
  readonly project?: string;
  readonly flags?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The working directory; the project's root when absent. */
  readonly directory?: string;
  /**
   * Ends with this process in any case, through an open channel; programs started from a shell have
   * no channel.
   */
  readonly channel?: boolean;
  /** In a process group of its own, as a shell starts a command: a signal to `-pid` is a Ctrl-C. */
  readonly group?: boolean;
  /** The command in front of it, which must replace itself with the program. */
  readonly through?: readonly string[];
};

export const projectRoot = join(import.meta.dirname, '..', '..');
/** Settings from the environment of the test run. */
const foreign = /^(VECTORSTREAM|KAFKA|QDRANT|LOG)_/;

/** One small runner on any processor: no measuring, little memory. */
export const oneRunner = {
  VECTORSTREAM_RUNNERS: '1',
  VECTORSTREAM_RUNNER_DEVICE: 'cpu',
  VECTORSTREAM_RUNNER_DTYPE: 'int8',
  VECTORSTREAM_RUNNER_THREADS: '1',
};

/** Of this process, without settings: a program of a test gets those of its test alone. */
export const inheritedEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));

export function startProgram({
  script,
  flags = [],
  environment,
  project = projectRoot,
  directory = project,
  channel = false,
  group = false,
  through = [],
}: ProgramOptions): Program {
  const [command = '', ...words] = [...through, process.execPath, join(project, script), ...flags];
  const child = spawn(command, words, {
    cwd: directory,
    detached: group,
    env: { ...inheritedEnvironment(), LOG_FORMAT: 'json', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', ...(channel ? ['ipc' as const] : [])],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${script} cannot be started.`);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const ended = new Promise<Ending>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  return {
    child,
    pid,
    ended,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs to its end and returns exit code and output. */
export async function runProgram(
  options: ProgramOptions,
): Promise<Ending & { readonly stdout: string; readonly stderr: string }> {
  await using program = startProgram(options);
  const closed = new Promise((resolve) => program.child.once('close', resolve));
  const ending = await program.ended;
  await closed;
  return { ...ending, stdout: program.stdout(), stderr: program.stderr() };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string')
    throw new Error('A TCP server has an address.');
  return address.port;
}
