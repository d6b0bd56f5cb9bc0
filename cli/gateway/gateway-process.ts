// Runs a gateway as a child process. It ends with its parent, is restarted when it dies, and its
// last message is reported.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { RetryDelays } from '#core/time/retry.ts';
import { makeFolder } from '../../system/make-folder.ts';
import { createGatewayLogReader, type GatewayLogReader } from './gateway-log-reader.ts';

export type GatewayProcessOptions = {
  readonly command: readonly [program: string, ...args: string[]];
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** File name of the gateway's log in the data folder. */
  readonly logName: string;
  /** What a person sets to choose another port, such as `--port N`. */
  readonly portSetting: string;
  readonly clock: Clock;
  /** Called with one line for a person: a warning in the log, a death, a restart. */
  readonly say: (line: string) => void;
};

const restartsMax = 5;
/** 250 ms, 500 ms, 1 s, 2 s, 4 s. */
const restartBackoff = { delayMs: 250, delayMsMax: 4_000 };
const logBytesMax = 16 << 20;
/** Ctrl-C has to end a command within 5 s. */
const stopMsMax = 4500;

/** @throws UsageError when the port is taken */
export async function startGateway(options: GatewayProcessOptions): Promise<GatewayProcess> {
  await requireFreePort(options.host, options.port, options.portSetting);
  return new GatewayProcess(options, openLog(options.dataDir, options.logName));
}

export class GatewayProcess implements AsyncDisposable {
  readonly logPath: string;
  readonly #options: GatewayProcessOptions;
  readonly #log: GatewayLogReader;
  readonly #gone = new AbortController();
  readonly #closing = new AbortController();
  readonly #delays = new RetryDelays({
    backoff: restartBackoff,
    jitter: 'none',
  });
  #restarts = 0;
  #onMessage: (message: unknown) => void = () => undefined;
  #wasReady = false;
  #child: ChildProcess;

  constructor(options: GatewayProcessOptions, logPath: string) {
    this.#options = options;
    this.logPath = logPath;
    this.#log = createGatewayLogReader(logPath);
    this.#child = this.#launch();
  }

  /** Aborts when the gateway has ended and is not restarted; the reason is an error with why. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** How many times the gateway was restarted. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Reports new warnings of the log. Call it now and then. */
  reportWarnings(): void {
    for (const line of this.#log.warnings()) this.#options.say(`gateway: ${line}`);
  }

  /** Lets the gateway be restarted when it dies. Before this call, its end is final. */
  setReady(): void {
    this.#wasReady = true;
  }

  /** Calls `listener` for each message from here on, also of a gateway that was restarted. */
  onMessage(listener: (message: unknown) => void): void {
    this.#onMessage = listener;
  }

  /** A gateway that has ended gets no message. */
  tell(message: object): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Marks the gateway's end as expected: it is not reported, and there is no restart. */
  expectEnd(): void {
    this.#closing.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const exit = once(child, 'exit');
    const timer = new AbortController();
    child.kill('SIGTERM');
    void rest(this.#options.clock, stopMsMax, timer.signal).then((isLate) => {
      if (isLate) child.kill('SIGKILL');
    });
    await exit;
    timer.abort();
  }

  #launch(): ChildProcess {
    const { command, folder, env } = this.#options;
    const [program, ...args] = command;
    const output = openSync(this.logPath, 'a');
    try {
      const child = spawn(program, args, {
        cwd: folder,
        env,
        // The IPC channel closes when this process ends, however it ends; the gateway then ends.
        stdio: ['ignore', output, output, 'ipc'],
        // In a process group of its own, the gateway does not get a terminal's Ctrl-C: this process
        // stops it once, in order.
        detached: true,
      });
      child.once('error', (error) =>
        this.#gone.abort(new Error(`The gateway cannot be started: ${error.message}.`)),
      );
      child.on('message', (message) => this.#onMessage(message));
      child.once('exit', (code, signal) => void this.#onExit(signal ?? `exit code ${code}`));
      return child;
    } finally {
      closeSync(output);
    }
  }

  async #onExit(how: string): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const { dataDir, clock, say } = this.#options;
    const safe = `Every event that it accepted is safe in ${dataDir}`;
    if (!this.#wasReady) {
      const message = this.#log.lastMessage();
      return this.#gone.abort(
        new Error(message ?? `The gateway ended with ${how}; its log is ${this.logPath}.`),
      );
    }
    if (this.#restarts >= restartsMax) {
      const times = `${this.#restarts + 1} times (last: ${how}; its log is ${this.logPath})`;
      return this.#gone.abort(
        new Error(`The gateway ended ${times}. ${safe}: npm start goes on with them.`),
      );
    }
    this.#restarts += 1;
    say(
      `The gateway ended (${how}). ${safe}; ` +
        `restarting it, ${this.#restarts} of at most ${restartsMax} times.`,
    );
    if (await rest(clock, this.#delays.next(), this.#closing.signal)) this.#child = this.#launch();
  }
}

/** Returns the path of the log, which exists then. A large one is put aside. */
function openLog(dataDir: string, name: string): string {
  const path = join(dataDir, name);
  try {
    makeFolder(dataDir);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(
      `The data folder ${dataDir} cannot be used (${reason}): ` +
        'it must be a folder that this user can write, see VECTORSTREAM_DATA_DIR.',
      { cause },
    );
  }
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax)
    renameSync(path, `${path}.old`);
  // Appended to and never emptied: another gateway of this folder may be writing to it.
  closeSync(openSync(path, 'a', 0o600));
  return path;
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
        ? `Port ${port} of ${host} is in use, perhaps by another gateway: ` +
            `stop that one, or choose another port with ${setting}.`
        : `Port ${port} of ${host} cannot be used (${code}): choose another with ${setting}.`,
    );
  } finally {
    server.close();
  }
}
