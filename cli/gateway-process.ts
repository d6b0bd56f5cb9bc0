// A gateway as a child process: it ends with its parent, is started again when it dies, and its
// last words are passed on.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import { createLogReader } from './log-reader.ts';

export type GatewayProcessOptions = {
  readonly command: readonly [program: string, ...args: string[]];
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** Of its log, in the data folder. */
  readonly logName: string;
  /** What a person sets to have another port, such as `--port N`. */
  readonly portSetting: string;
  readonly clock: Clock;
  /** Told, in one line each, what a person should know: warnings in the log, deaths and restarts. */
  readonly say: (line: string) => void;
};

export type GatewayProcess = AsyncDisposable & {
  readonly logPath: string;
  /** Aborts, with an error that says why, when the gateway is gone for good. */
  readonly gone: AbortSignal;
  /** How often it was started again. */
  readonly restarts: () => number;
  /** Passes on what its log has new; to be called now and then. */
  readonly readLog: () => void;
  /** It works: from now on it is started again when it dies. Until then its end is final. */
  readonly isReady: () => void;
  /** From now on its end is no surprise. */
  readonly expectEnd: () => void;
};

const restartsMax = 5;
const restartMsMin = 250;
const logBytesMax = 16 << 20;
/** Ctrl-C is promised to be over within 5 s. */
const endMsMax = 4500;

/** Throws `UsageError` when the port is taken. */
export async function startGateway(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const { command, folder, env, host, port, dataDir, logName, portSetting, clock, say } = options;
  await requireFreePort(host, port, portSetting);
  const logPath = join(dataDir, logName);
  mkdirSync(dataDir, { recursive: true });
  if ((statSync(logPath, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax)
    renameSync(logPath, `${logPath}.old`);
  // Never emptied: a gateway that has this folder open already may be writing to it.
  closeSync(openSync(logPath, 'a', 0o600));
  const log = createLogReader(logPath);
  const gone = new AbortController();
  const closing = new AbortController();
  let restarts = 0;
  let wasReady = false;
  let child = launch();

  function launch(): ChildProcess {
    const output = openSync(logPath, 'a');
    try {
      const [program, ...args] = command;
      // The open IPC channel is how the gateway learns that its parent is gone, however that ended.
      // A process group of its own keeps a terminal's Ctrl-C from it: it is told to stop once, by
      // its parent.
      const started = spawn(program, args, {
        cwd: folder,
        env,
        stdio: ['ignore', output, output, 'ipc'],
        detached: true,
      });
      started.once('error', (error) =>
        gone.abort(new Error(`The gateway cannot be started: ${error.message}.`)),
      );
      started.once('exit', (code, signal) => void ended(code, signal));
      return started;
    } finally {
      closeSync(output);
    }
  }

  async function ended(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    if (closing.signal.aborted) return;
    const how = signal === null ? `exit code ${code}` : signal;
    const words = log.lastWords();
    if (!wasReady) {
      return gone.abort(
        new Error(words ?? `The gateway ended with ${how}; its log is ${logPath}.`),
      );
    }
    if (restarts >= restartsMax) {
      return gone.abort(
        new Error(
          `The gateway ended ${restarts + 1} times (last: ${how}; its log is ${logPath}). Every event that it accepted is safe in ${dataDir}: npm start goes on with them.`,
        ),
      );
    }
    restarts += 1;
    say(
      `The gateway ended (${how}). Every event that it accepted is safe in ${dataDir}; starting it again, ${restarts} of at most ${restartsMax} times.`,
    );
    await clock.sleep(restartMsMin * 2 ** (restarts - 1), closing.signal).catch(() => undefined);
    if (!closing.signal.aborted) child = launch();
  }

  return {
    logPath,
    gone: gone.signal,
    restarts: () => restarts,
    readLog() {
      for (const line of log.warnings()) say(`gateway: ${line}`);
    },
    isReady: () => {
      wasReady = true;
    },
    expectEnd: () => closing.abort(),
    async [Symbol.asyncDispose]() {
      closing.abort();
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const exit = once(child, 'exit');
      const waited = new AbortController();
      child.kill('SIGTERM');
      void clock.sleep(endMsMax, waited.signal).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      );
      await exit;
      waited.abort();
    },
  };
}

async function requireFreePort(host: string, port: number, setting: string): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(
      code === 'EADDRINUSE'
        ? `Port ${port} of ${host} is in use, perhaps by another gateway: stop that one, or choose another with ${setting}.`
        : `Port ${port} of ${host} cannot be listened on (${code}): choose another with ${setting}.`,
    );
  } finally {
    server.close();
  }
}
