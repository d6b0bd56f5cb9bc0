// Keeps a runner joined to one gateway for as long as its model is good: reconnects with backoff,
// and knows when to give up.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Channel, Clock } from '#core/ports.ts';
import { backoffMs } from '#core/time/retry.ts';
import { runRunnerLoop, type RunnerLoopOptions } from './runner-loop.ts';
import { ConnectError } from './websocket-channel.ts';
import { closeCode } from './wire.ts';

/** The gateway does not want this runner, and connecting again as it is would not help. */
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
   * Opens a link, such as `connectWebSocket`; rejects when it cannot, and with the signal's reason
   * when that aborts first.
   */
  readonly connect: (signal: AbortSignal) => Promise<Channel>;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
};

/** A gateway that is frozen, or a network that lost the greeting, answers nothing at all. */
const connectMsMax = 10_000;
const quick = { delayMs: 250, delayMsMax: 10_000 };
/** After a refusal that may pass: the fleet is full, or one end did not understand the other. */
const patient = { delayMs: 30_000, delayMsMax: 120_000 };
/** A connection that lasted this long was a good one: the next failure is the first. */
const goodAfterMs = 10_000;

/** Why a close code ends the runner; a code that is not here is worth another attempt. */
const refusals: Readonly<Record<number, string>> = {
  [closeCode.tokenRevoked]:
    'The gateway revoked this runner token. Start the runner with a valid VECTORSTREAM_RUNNER_TOKEN',
  [closeCode.quarantined]:
    'The gateway quarantined this runner because its vectors are wrong. Choose another device or dtype',
  [closeCode.modelMismatch]:
    "The gateway works with another model. Start the runner with the gateway's model folder",
};

/**
 * Serves the gateway over as many connections as it takes, with the same loaded model. Resolves
 * once drained, whichever side asked. Rejects with `RunnerRefusedError`, or with
 * `RunnerFailedError` when the model session failed: either way the process or worker ends.
 */
export async function keepConnected(options: RunnerConnectionOptions): Promise<void> {
  const { clock, random, drain, log } = options;
  let failures = 0;
  while (!drain.aborted) {
    const startedAt = clock.monotonic();
    let pace = quick;
    try {
      const channel = await connectInTime(options);
      const end = await runRunnerLoop({ ...options, channel });
      if (drain.aborted || (end.welcomed && end.code === closeCode.done)) return;
      const refusal = refusals[end.code];
      if (refusal !== undefined)
        throw new RunnerRefusedError(
          end.code,
          `${refusal} (close code ${end.code}: ${end.reason}).`,
        );
      if (end.code === closeCode.notNow || end.code === closeCode.badMessage) pace = patient;
      failures = end.welcomed && clock.monotonic() - startedAt >= goodAfterMs ? 1 : failures + 1;
      log.warn({ code: end.code, reason: end.reason }, 'the connection to the gateway ended');
    } catch (error) {
      if (drain.aborted && error === drain.reason) return;
      if (!(error instanceof VectorStreamError) || error.code !== 'connect_failed') throw error;
      failures += 1;
      log.warn({ error: error.message }, 'no connection to the gateway');
    }
    // Between half and the whole of the backoff: spread, and never at once.
    const delayMs = (0.5 + random() / 2) * backoffMs(pace, failures);
    await clock.sleep(delayMs, drain).catch(() => undefined);
  }
}

async function connectInTime({
  connect,
  clock,
  drain,
}: {
  readonly connect: RunnerConnectionOptions['connect'];
  readonly clock: Clock;
  readonly drain: AbortSignal;
}): Promise<Channel> {
  const late = new AbortController();
  const settled = new AbortController();
  void clock.sleep(connectMsMax, settled.signal).then(
    () =>
      late.abort(new ConnectError(`No answer from the gateway within ${connectMsMax / 1000} s.`)),
    () => undefined,
  );
  try {
    return await connect(AbortSignal.any([drain, late.signal]));
  } finally {
    settled.abort();
  }
}
