// Keeps the gateway's own runners going: one supervisor process, started again with growing waits,
// never left behind.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '#core/ports.ts';
import { backoffMs } from '#core/time/retry.ts';
import type { Log } from '../telemetry/gateway-log.ts';

export type LocalRunnersOptions = {
  /** The supervisor's entry, and its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  /** The whole environment of the supervisor, the token included. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
};

export type LocalRunners = {
  /**
   * Asks the supervisor to drain and end; ends it and its workers after `msMax`. Resolves when it
   * is gone.
   */
  stop(msMax: number): Promise<void>;
};

const restart = { delayMs: 250, delayMsMax: 30_000 };
/** Whoever ran this long was well: the next failure counts as the first. */
const wellAfterMs = 60_000;
/** How long a supervisor may take to notice that its channel is closed. */
const hangUpMsMax = 500;
/** A configuration that is wrong stays wrong. */
const usageExitCode = 2;

export function startLocalRunners(options: LocalRunnersOptions): LocalRunners {
  const { clock, log } = options;
  const stopping = new AbortController();
  let child: ChildProcess | null = null;

  const runOnce = async (): Promise<number | null> => {
    // The channel tells the supervisor when this process is gone, however it ended.
    child = spawn(process.execPath, [options.script, ...options.args], {
      env: options.environment,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    // A channel that breaks is followed by the exit, which is what counts.
    child.on('error', (error) => log.debug({ err: error }, 'runner supervisor'));
    log.info({ runner_pid: child.pid }, 'started local runners');
    if (child.exitCode === null && child.pid !== undefined) await once(child, 'exit');
    return child.exitCode;
  };

  const keepRunning = async (): Promise<void> => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const startedAt = clock.monotonic();
      const exitCode = await runOnce();
      if (stopping.signal.aborted) return;
      if (exitCode === usageExitCode) {
        log.error(
          'the local runners refuse their configuration (see above) and are not started again',
        );
        return;
      }
      failures = clock.monotonic() - startedAt > wellAfterMs ? 1 : failures + 1;
      const delayMs = Math.round(backoffMs(restart, failures));
      log.warn(
        { exit_code: exitCode, signal: child?.signalCode, delay_ms: delayMs },
        'the local runners ended; starting them again',
      );
      await clock.sleep(delayMs, stopping.signal).catch(() => undefined);
    }
  };
  const finished = keepRunning();

  /**
   * Without its channel a supervisor ends at once and takes along a worker that hangs; killed, it
   * could not.
   */
  const end = async (signal: AbortSignal, msMax: number): Promise<void> => {
    await clock.sleep(msMax, signal);
    if (child?.connected) child.disconnect();
    await clock.sleep(hangUpMsMax, signal);
    child?.kill('SIGKILL');
  };

  return {
    async stop(msMax) {
      stopping.abort();
      child?.kill('SIGTERM');
      const deadline = new AbortController();
      const late = end(deadline.signal, msMax).catch(() => undefined);
      await finished;
      deadline.abort();
      await late;
    },
  };
}
