// Keeps the gateway's own runners running: restarts their supervisor process with growing delays,
// and leaves no process behind.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { RetryDelays } from '#core/time/retry.ts';
import type { Log } from '../telemetry/gateway-log.ts';

export type LocalRunnersOptions = {
  /** The supervisor's script, and its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  /** The supervisor's whole environment, with the runner token. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
};

export type LocalRunners = {
  /**
   * Asks the supervisor to drain and exit; ends it and its workers after `msMax`. Resolves when it
   * has exited.
   */
  stop(msMax: number): Promise<void>;
};

const restartBackoff = { delayMs: 250, delayMsMax: 30_000 };
/** A failure after a run longer than this counts as the first. */
const wellAfterMs = 60_000;
/** How long a supervisor may take to notice that its channel is closed. */
const disconnectMsMax = 500;
/** The exit code for a wrong configuration, which a restart does not repair. */
const usageExitCode = 2;

export function startLocalRunners(options: LocalRunnersOptions): LocalRunners {
  const { clock, log } = options;
  const stopping = new AbortController();
  let child: ChildProcess | null = null;

  const runOnce = async (): Promise<number | null> => {
    // The IPC channel tells the supervisor when this process is gone, even after a crash.
    child = spawn(process.execPath, [options.script, ...options.args], {
      env: options.environment,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    // When the channel breaks, the exit that matters follows.
    child.on('error', (error) => log.debug({ err: error }, 'runner supervisor'));
    log.info({ runner_pid: child.pid }, 'started local runners');
    if (child.exitCode === null && child.pid !== undefined) await once(child, 'exit');
    return child.exitCode;
  };

  const keepRunning = async (): Promise<void> => {
    const delays = new RetryDelays({
      backoff: restartBackoff,
      jitter: 'none',
    });
    while (!stopping.signal.aborted) {
      const startedAt = clock.monotonic();
      const exitCode = await runOnce();
      if (stopping.signal.aborted) return;
      if (exitCode === usageExitCode) {
        log.error('the local runners reject their configuration (see above): not restarting them');
        return;
      }
      if (clock.monotonic() - startedAt > wellAfterMs) delays.reset();
      const delayMs = delays.next();
      log.warn(
        { exit_code: exitCode, signal: child?.signalCode, delay_ms: delayMs },
        'the local runners exited; restarting them',
      );
      await rest(clock, delayMs, stopping.signal);
    }
  };
  const finished = keepRunning();

  /**
   * First closes the channel: the supervisor then exits at once and ends even a worker that hangs.
   * A supervisor that is killed cannot do that.
   */
  const endAfter = async (msMax: number, exited: AbortSignal): Promise<void> => {
    if (!(await rest(clock, msMax, exited))) return;
    if (child?.connected) child.disconnect();
    if (await rest(clock, disconnectMsMax, exited)) child?.kill('SIGKILL');
  };

  return {
    async stop(msMax) {
      stopping.abort();
      child?.kill('SIGTERM');
      const exited = new AbortController();
      const ended = endAfter(msMax, exited.signal);
      await finished;
      exited.abort();
      await ended;
    },
  };
}
