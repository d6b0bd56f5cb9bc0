// Keeps a runner joined to one gateway while its model works: reconnects with backoff, and gives up
// when the gateway refuses the runner for good.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Channel } from '#core/ports.ts';
import { startDeadline } from '#core/time/deadline.ts';
import { rest } from '#core/time/rest.ts';
import { RetryDelays, type Backoff } from '#core/time/retry.ts';
import { runRunnerLoop, type RunnerLoopOptions } from './runner-loop.ts';
import { ConnectError } from './websocket-channel.ts';
import { closeCode } from './wire.ts';

/** The gateway refuses this runner; connecting again without a change would not help. */
export class RunnerRefusedError extends VectorStreamError {
  override readonly name = 'RunnerRefusedError';
  readonly code = 'runner_refused';
  readonly retryable = false;
  readonly closeCode: number;
  constructor(code: number, message: string) {
    super(message);
    this.closeCode = code;
  }
}

export type RunnerConnectionOptions = Omit<RunnerLoopOptions, 'channel'> & {
  /**
   * Opens a connection, such as `connectWebSocket`; rejects with `ConnectError` when it cannot, and
   * with the signal's reason when that aborts first.
   */
  readonly connect: (signal: AbortSignal) => Promise<Channel>;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
};

/** A frozen gateway, or a network that lost the greeting, never answers. */
const connectMsMax = 10_000;
const usualBackoff: Backoff = { delayMs: 250, delayMsMax: 10_000 };
/** The wait after a refusal that may pass: a full fleet, or a message that one end did not know. */
const refusedBackoff: Backoff = { delayMs: 30_000, delayMsMax: 120_000 };
/** A connection that lasted this long was healthy: the next failure counts as the first. */
const healthyMs = 10_000;

/** Close codes that end the runner, with the reason; after any other code it connects again. */
const refusals: Readonly<Record<number, string>> = {
  [closeCode.tokenRevoked]:
    'The gateway revoked this runner token. ' +
    'Start the runner with a valid VECTORSTREAM_RUNNER_TOKEN',
  [closeCode.quarantined]:
    'The gateway quarantined this runner. ' +
    'If its vectors are wrong, choose another device or dtype',
  [closeCode.modelMismatch]:
    "The gateway works with another model. Start the runner with the gateway's model folder",
};

/**
 * Serves the gateway over one connection after another, with the same loaded model. Resolves once
 * drained, whichever side asked. Rejects with `RunnerRefusedError`, or with `RunnerFailedError`
 * when the model session failed; in both cases the process or worker must end.
 */
export async function keepConnected(options: RunnerConnectionOptions): Promise<void> {
  const { clock, random, drain, log } = options;
  let backoff = usualBackoff;
  const delays = new RetryDelays({
    get backoff() {
      return backoff;
    },
    jitter: 'equal',
    random,
  });
  /** Whether a failure was logged since the last connection: only the first one is a warning. */
  let isCutOff = false;
  while (!drain.aborted) {
    const startedAt = clock.monotonic();
    backoff = usualBackoff;
    try {
      const channel = await connectInTime(options);
      isCutOff = false;
      const end = await runRunnerLoop({ ...options, channel });
      if (drain.aborted || (end.welcomed && end.code === closeCode.done)) return;
      const refusal = refusals[end.code];
      if (refusal !== undefined)
        throw new RunnerRefusedError(
          end.code,
          `${refusal} (close code ${end.code}: ${end.reason}).`,
        );
      if (end.code === closeCode.notNow || end.code === closeCode.badMessage)
        backoff = refusedBackoff;
      if (end.welcomed && clock.monotonic() - startedAt >= healthyMs) delays.reset();
      log.warn({ code: end.code, reason: end.reason }, 'the connection to the gateway ended');
    } catch (error) {
      if (drain.aborted && error === drain.reason) return;
      if (!(error instanceof VectorStreamError) || error.code !== 'connect_failed') throw error;
      const fields = { error: error.message };
      if (isCutOff) log.debug(fields, 'still no connection to the gateway');
      else log.warn(fields, 'no connection to the gateway; trying again');
      isCutOff = true;
    }
    await rest(clock, delays.next(), drain);
  }
}

async function connectInTime({
  connect,
  clock,
  drain,
}: Pick<RunnerConnectionOptions, 'connect' | 'clock' | 'drain'>): Promise<Channel> {
  using deadline = startDeadline({
    ms: connectMsMax,
    clock,
    reason: () => new ConnectError(`No answer from the gateway within ${connectMsMax / 1000} s.`),
  });
  return await connect(AbortSignal.any([drain, deadline.signal]));
}
