// A gateway of its own for a benchmark: the real program on a free port and a fresh folder, ended
// with the benchmark.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '#core/errors/assert.ts';
import { systemClock } from '#core/time/clock.ts';
import { createGatewayClient, type GatewayClient } from '../cli/gateway-client.ts';
import type { BenchmarkContext } from './benchmark.ts';

export type GatewayProcess = AsyncDisposable & {
  readonly client: GatewayClient;
  readonly pid: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** The most memory that the process has had resident, where the system tells (Linux), else null. */
  peakBytes(): number | null;
  /** Processor time of the process so far, all its threads together. */
  cpuSeconds(): Promise<number>;
};

export const root = join(import.meta.dirname, '..');

const readyMsMax = 120_000;
const readyPollMs = 10;
const closeMsMax = 15_000;

/**
 * Resolves when the gateway is ready, or with `untilReady: false` when it listens. Its settings are
 * the defaults of a machine without any, but for the folder, the port and what `settings` names.
 * Rejects with the last lines of its log when it ends.
 */
export async function startGateway(
  { folder, profileFolder, signal }: BenchmarkContext,
  settings: Readonly<Record<string, string>> = {},
  { untilReady } = { untilReady: true },
): Promise<GatewayProcess> {
  signal.throwIfAborted();
  const logPath = join(folder, 'gateway.log');
  mkdirSync(folder, { recursive: true });
  const log = openSync(logPath, 'a');
  const given = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VECTORSTREAM|KAFKA|QDRANT|LOG)_/.test(name)),
  );
  // As a variable and not as flags, so that the gateway's threads and runners are profiled, too.
  const profiling =
    profileFolder === null
      ? {}
      : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${JSON.stringify(profileFolder)}` };
  const child = spawn(process.execPath, [join(root, 'gateway/main.ts')], {
    // A process group of its own, so that Ctrl-C reaches it through this program only, which stops
    // it in order. It also ends when this program does, because the channel closes.
    cwd: root,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: {
      ...given,
      VECTORSTREAM_DATA_DIR: join(folder, 'data'),
      VECTORSTREAM_PORT: '0',
      LOG_LEVEL: 'warn',
      LOG_FORMAT: 'json',
      ...profiling,
      ...settings,
      // Where Node keeps compiled modules: a first start finds none.
      TMPDIR: folder,
      TEMP: folder,
    },
  });
  closeSync(log);
  try {
    const client = await connected(child, logPath, signal);
    const giveUpAt = performance.now() + readyMsMax;
    for (
      let reason = untilReady ? await client.unreadiness(signal) : null;
      reason !== null;
      reason = await client.unreadiness(signal)
    ) {
      if (performance.now() > giveUpAt || child.exitCode !== null)
        throw new Error(`The gateway is not ready: ${reason}. ${lastLines(logPath)}`);
      await systemClock.sleep(readyPollMs, signal);
    }
    const { pid } = child;
    assert(pid !== undefined, 'A gateway that listens has no process id');
    return {
      client,
      pid,
      kill: () => end(child, 'SIGKILL'),
      peakBytes: () => peakBytes(pid),
      cpuSeconds: () => cpuSeconds(client.url, signal),
      [Symbol.asyncDispose]: () => end(child, 'SIGTERM'),
    };
  } catch (error) {
    await end(child, 'SIGTERM');
    throw error;
  }
}

/** A client of the address that the gateway names once it listens. */
async function connected(
  child: ChildProcess,
  logPath: string,
  signal: AbortSignal,
): Promise<GatewayClient> {
  const [message]: unknown[] = await Promise.race([
    once(child, 'message', { signal }),
    once(child, 'exit', { signal }).then(() => {
      throw new Error(`The gateway ended at its start. ${lastLines(logPath)}`);
    }),
  ]);
  const url: unknown =
    typeof message === 'object' && message !== null ? Reflect.get(message, 'url') : null;
  if (typeof url !== 'string')
    throw new Error(`The gateway did not say where it listens. ${lastLines(logPath)}`);
  return createGatewayClient({
    url,
    apiKey: null,
    clock: systemClock,
    patienceMs: 60_000,
    onWait: () => undefined,
  });
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), closeMsMax);
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
  return `Its log ends with: ${readFileSync(logPath, 'utf8').trim().split('\n').slice(-3).join(' | ') || 'nothing'}`;
}
