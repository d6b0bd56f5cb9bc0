// Waits until a gateway that was just started is ready for events.

import { DependencyError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import {
  VectorStreamApiError,
  VectorStreamConnectionError,
  type VectorStreamClient,
} from '../../client/client.ts';

export type ReadinessOptions = {
  readonly client: Pick<VectorStreamClient, 'health'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly pollMs: number;
  readonly timeoutMs: number;
  /** Ends the message of the error, such as a sentence on where the log is. */
  readonly hint: string;
  /** Called after each check that failed, with what the gateway waits for. */
  readonly onWait: (reason: string) => void;
};

/** Why a gateway that does not answer yet is not ready. */
export const startingReason = 'it is starting';

/** @throws DependencyError after `timeoutMs`, or the reason of the signal */
export async function untilReady(options: ReadinessOptions): Promise<void> {
  const { client, clock, signal, pollMs, timeoutMs, hint, onWait } = options;
  const giveUpAt = clock.monotonic() + timeoutMs;
  for (;;) {
    const reason = await unreadiness(client, signal);
    if (reason === null) return;
    if (clock.monotonic() > giveUpAt)
      throw new DependencyError(
        'gateway',
        'gateway_unavailable',
        `The gateway is not ready after ${timeoutMs / 1000} s: ${reason}. ${hint}`,
        { retryable: false },
      );
    onWait(reason);
    await clock.sleep(pollMs, signal);
  }
}

/** `null` when the gateway is ready, else what it waits for. Throws only the signal's reason. */
async function unreadiness(
  client: Pick<VectorStreamClient, 'health'>,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const { ready, causes } = await client.health.ready({ signal });
    if (ready) return null;
    return causes.map(({ component, message }) => `${component}: ${message}`).join('; ');
  } catch (error) {
    if (error instanceof VectorStreamApiError)
      return error.problem.detail ?? `it answered ${error.status}`;
    if (error instanceof VectorStreamConnectionError) return `${startingReason} (${error.reason})`;
    throw error;
  }
}
