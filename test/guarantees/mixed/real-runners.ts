// A page in a headless browser and a Node runner, as real programs. They are restarted as a service
// manager would do it, and their processes can be signalled by role.

import { setTimeout as pass } from 'node:timers/promises';
import { browserExecutable, buildPages } from '../../helpers/browser.ts';
import { startFaultProxy, type FaultProxy } from '../../helpers/fault-proxy.ts';
import { pidsOf, type Role } from '../../helpers/process-list.ts';
import { startProgram, type ProgramOptions } from '../../helpers/program.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import { runnerToken } from './mixed-world.ts';

/**
 * The processes of one page and of one Node runner: the one that runs the model, and its
 * supervisor.
 */
export const runnerRoles = [
  'page',
  'browser',
  'browser-runner',
  'worker',
  'supervisor',
] as const satisfies readonly Role[];
export type RunnerRole = (typeof runnerRoles)[number];

export type RealRunners = AsyncDisposable & {
  /** Each connects through its own link to the gateway that the link points to. */
  readonly page: FaultProxy;
  readonly node: FaultProxy;
  /** Signals the process of that role, once it has started. Resolves with its id. */
  signal(role: RunnerRole, signal: 'SIGKILL' | 'SIGSTOP'): Promise<number>;
  /** What both programs wrote last. */
  lastWords(): string;
};

const wordsMax = 3_000;
const againMs = 200;
const appearMsMax = 60_000;

export async function startRealRunners(): Promise<RealRunners> {
  buildPages();
  const executable = await browserExecutable();
  if (executable === null) throw new Error('This machine has no browser.');
  const open = new AsyncDisposableStack();
  const folder = open.use(await temporaryFolder());
  const page = open.use(await startFaultProxy());
  const node = open.use(await startFaultProxy());
  const environment = {
    VECTORSTREAM_DATA_DIR: folder.path,
    VECTORSTREAM_RUNNER_TOKEN: runnerToken,
    VECTORSTREAM_RUNNER_DTYPE: 'int8',
    VECTORSTREAM_RUNNER_THREADS: '1',
  };
  const programs = [
    open.use(
      keepRunning({
        script: 'browser-runner/main.ts',
        flags: ['--gateway', `ws://${page.address}`, '--device', 'wasm', '--name', 'page'],
        environment: {
          ...environment,
          PUPPETEER_EXECUTABLE_PATH: executable,
          VECTORSTREAM_BROWSER_SANDBOX: 'off',
        },
      }),
    ),
    open.use(
      keepRunning({
        script: 'node-runner/main.ts',
        flags: [
          '--gateway',
          `ws://${node.address}`,
          '--device',
          'cpu',
          '--runners',
          '1',
          '--name',
          'node',
        ],
        environment,
      }),
    ),
  ];
  return {
    page,
    node,
    signal: (role, signal) =>
      until(`there is a ${role}`, appearMsMax, () => {
        const [pid] = pidsOf(folder.path, role);
        if (pid !== undefined) process.kill(pid, signal);
        return pid;
      }),
    lastWords: () => programs.map((program) => program.lastWords()).join('\n'),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Starts it again whenever it has ended, however it ended. */
function keepRunning(options: ProgramOptions): AsyncDisposable & { lastWords(): string } {
  const over = new AbortController();
  let earlier = '';
  let program = startProgram(options);
  const kept = (async () => {
    for (;;) {
      const { code, signal } = await program.ended;
      if (over.signal.aborted) return;
      earlier = `${program.stdout()}${program.stderr()}(ended by ${signal ?? code})\n`.slice(
        -wordsMax,
      );
      await pass(againMs);
      program = startProgram(options);
    }
  })();
  return {
    lastWords: () => `${earlier}${program.stdout()}${program.stderr()}`.slice(-wordsMax),
    async [Symbol.asyncDispose]() {
      over.abort();
      await program[Symbol.asyncDispose]();
      await kept;
    },
  };
}
