// Starts `node-runner/main.ts` as a gateway does, for tests that play the gateway.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const runnerToken = 'a-token-of-the-test';

export type StartedRunner = {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Its exit code, once all its processes have ended. */
  readonly exited: Promise<unknown>;
};

export type RunnerStarter = AsyncDisposable & {
  readonly dataDir: string;
  /** Has a channel; the token comes from the data folder. */
  start(url: string, ...flags: string[]): StartedRunner;
};

/** Disposal kills the remaining processes and removes the data folder. */
export async function runnerStarter(): Promise<RunnerStarter> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vectorstream-runner-'));
  await writeFile(join(dataDir, 'runner-token'), `${runnerToken}\n`);
  const started: ChildProcess[] = [];
  return {
    dataDir,
    start(url, ...flags) {
      const child = fork(
        'node-runner/main.ts',
        ['--gateway', url, '--data-dir', dataDir, '--name', 'tested', ...flags],
        {
          execArgv: [],
          stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
          env: { ...process.env, LOG_FORMAT: 'json', VECTORSTREAM_RUNNER_TOKEN: '' },
        },
      );
      started.push(child);
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (chunk: Buffer) => {
          output += chunk.toString();
        });
      // Workers write to the same standard output, so it ends when all of them have ended.
      const silent = Promise.all(
        [child.stdout, child.stderr].flatMap((stream) =>
          stream === null ? [] : [once(stream, 'end')],
        ),
      );
      const exited = Promise.all([once(child, 'exit'), silent]).then(
        ([[code]]: [unknown[], unknown]) => code,
      );
      return { child, output: () => output, exited };
    },
    async [Symbol.asyncDispose]() {
      for (const child of started) child.kill('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
