// Runs a gateway for one benchmark: the real program on a free port and a new folder. It ends with
// the benchmark.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '#core/errors/assert.ts';
import { systemClock } from '#core/time/clock.ts';
import { untilReady } from '../cli/gateway/gateway-readiness.ts';
import { createClient, type VectorStreamClient } from '../client/client.ts';
import type { BenchmarkContext } from './benchmark.ts';

export type BenchGateway = AsyncDisposable & {
  readonly url: string;
  readonly client: VectorStreamClient;
  readonly pid: number;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** The peak of resident memory; `null` except on Linux. */
  peakBytes(): number | null;
  /** Processor time of the process so far, all its threads together. */
  cpuSeconds(): Promise<number>;
};

export const root = join(import.meta.dirname, '..');

const readyMsMax = 120_000;
const readyPollMs = 10;
const stopMsMax = 15_000;
const retryForMs = 60_000;

/**
 * Resolves when the gateway is ready, or with `untilReady: false` when it listens. Folder and port
 * are the benchmark's, and so is what `settings` names; every other setting has its default,
 * whatever this machine's environment says. Rejects with the end of the log when the gateway ends.
 */
export async function startBenchGateway(
  context: BenchmarkContext,
  settings: Readonly<Record<string, string>> = {},
  options = { untilReady: true },
): Promise<BenchGateway> {
  const { folder, signal } = context;
  signal.throwIfAborted();
  const logPath = join(folder, 'gateway.log');
  mkdirSync(folder, { recursive: true });
  const child = launch(context, settings, logPath);
  try {
    const url = await addressOf(child, logPath, signal);
    const client = createClient({ url, retryForMs });
    if (options.untilReady)
      await untilReady({
        client,
        clock: systemClock,
        signal,
        pollMs: readyPollMs,
        timeoutMs: readyMsMax,
        hint: '',
        onWait(reason) {
          if (child.exitCode !== null) throw new Error(`The gateway ended: ${reason}.`);
        },
      }).catch((error: unknown) => {
        if (signal.aborted || !(error instanceof Error)) throw error;
        throw new Error(`${error.message} ${lastLines(logPath)}`, { cause: error });
      });
    const { pid } = child;
    assert(pid !== undefined, 'A gateway that listens has no process id');
    return {
      url,
      client,
      pid,
      kill: () => end(child, 'SIGKILL'),
      peakBytes: () => peakBytes(pid),
      cpuSeconds: () => cpuSeconds(url, signal),
      [Symbol.asyncDispose]: () => end(child, 'SIGTERM'),
    };
  } catch (error) {
    await end(child, 'SIGTERM');
    throw error;
  }
}

function launch(
  { folder, program, profileFolder }: BenchmarkContext,
  settings: Readonly<Record<string, string>>,
  logPath: string,
): ChildProcess {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VECTORSTREAM|KAFKA|QDRANT|LOG)_/.test(name)),
  );
  // A variable instead of flags also reaches the gateway's threads and runners.
  const profiling =
    profileFolder === null
      ? {}
      : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${JSON.stringify(profileFolder)}` };
  const log = openSync(logPath, 'a');
  try {
    return spawn(process.execPath, [join(program, 'gateway/main.ts')], {
      cwd: program,
      // In a process group of its own, the gateway does not get a terminal's Ctrl-C: this program
      // stops it in order. The gateway also ends when the IPC channel closes.
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: {
        ...inherited,
        VECTORSTREAM_DATA_DIR: join(folder, 'data'),
        VECTORSTREAM_PORT: '0',
        LOG_LEVEL: 'warn',
        LOG_FORMAT: 'json',
        ...profiling,
        ...settings,
        // Node keeps compiled modules here: a first start must find none.
        TMPDIR: folder,
        TEMP: folder,
      },
    });
  } finally {
    closeSync(log);
  }
}

/** The address that the gateway sends once it listens. */
async function addressOf(
  child: ChildProcess,
  logPath: string,
  signal: AbortSignal,
): Promise<string> {
  const [message]: unknown[] = await Promise.race([
    once(child, 'message', { signal }),
    once(child, 'exit', { signal }).then(() => {
      throw new Error(`The gateway ended during its start. ${lastLines(logPath)}`);
    }),
  ]);
  const url: unknown =
    typeof message === 'object' && message !== null ? Reflect.get(message, 'url') : null;
  if (typeof url !== 'string')
    throw new Error(`The gateway did not say where it listens. ${lastLines(logPath)}`);
  return url;
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
  await exited;
  clearTimeout(timer);
}

async function cpuSeconds(url: string, signal: AbortSignal): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`, { signal })).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(metrics)?.[1]);
}

function peakBytes(pid: number): number | null {
  try {
    const kilobytes = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}

function lastLines(logPath: string): string {
  const lines = readFileSync(logPath, 'utf8').trim().split('\n').slice(-3).join(' | ');
  return `Its log ends with: ${lines || 'nothing'}`;
}
