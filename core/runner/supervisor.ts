// Keeps workers (processes, browsers) running: restarts those that end, moves on when a candidate
// keeps failing, and drains all when the signal aborts.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import type { RunnerLog } from '#core/protocol/runner-loop.ts';
import { rest } from '#core/time/rest.ts';
import { RestartPolicy } from './restart-policy.ts';

/** No candidate embeds correctly on this machine. */
export class NoCandidateError extends VectorStreamError {
  override readonly name = 'NoCandidateError';
  readonly code = 'no_candidate';
  readonly retryable = false;
}

/** Workers of one candidate, and threads per worker; `threads` 0: the runtime chooses. */
export type Layout = { readonly processes: number; readonly threads: number };

export type WorkerEnding = {
  /** Drained by its gateway: nothing failed, and no worker replaces it. */
  readonly done: boolean;
  /** Drained so that a new worker replaces it at once. */
  readonly renew: boolean;
  /** Whether its vectors had passed the golden check. */
  readonly ready: boolean;
  /** The error that it reported, or how its process ended. */
  readonly message: string;
  readonly retryable: boolean;
};

/** A worker as the supervisor sees it. */
export type Worker = {
  /** Resolves once, when the worker and everything that it started are gone. */
  readonly ended: Promise<WorkerEnding>;
  /** Makes it finish its jobs, take no more, and end. */
  drain(): void;
  kill(): void;
};

export type SupervisorOptions<Candidate extends { readonly device: string }> = {
  /** Best first, at least one. */
  readonly candidates: readonly Candidate[];
  readonly layoutFor: (candidate: Candidate) => Layout;
  /** `slot` is 0 … processes − 1. */
  readonly start: (candidate: Candidate, layout: Layout, slot: number) => Worker;
  readonly clock: Clock;
  readonly log: RunnerLog & { error(fields: object, message: string): void };
  /** Drains all workers; they are killed when they take longer than `drainMsMax`. */
  readonly signal: AbortSignal;
  readonly drainMsMax: number;
};

/**
 * Resolves when all workers are gone, because the signal aborted or gateways drained them.
 *
 * @throws NoCandidateError when no candidate keeps running.
 */
export async function supervise<Candidate extends { readonly device: string }>(
  options: SupervisorOptions<Candidate>,
): Promise<void> {
  let lastMessage = '';
  for (const [index, candidate] of options.candidates.entries()) {
    const failure = await runCandidate(options, candidate, options.candidates.slice(index + 1));
    if (failure === null) return;
    lastMessage = failure;
  }
  throw new NoCandidateError(`The runner gave up: ${lastMessage}`);
}

/**
 * Resolves to `null` when stopped or drained, and otherwise to why the candidate was given up. In
 * both cases all its workers are gone.
 */
async function runCandidate<Candidate extends { readonly device: string }>(
  { layoutFor, start, clock, log, signal, drainMsMax }: SupervisorOptions<Candidate>,
  candidate: Candidate,
  others: readonly Candidate[],
): Promise<string | null> {
  const layout = layoutFor(candidate);
  const left = {
    left: others.length > 0,
    otherDeviceLeft: others.some(({ device }) => device !== candidate.device),
  };
  const abandoned = new AbortController();
  const stop = AbortSignal.any([signal, abandoned.signal]);
  const policy = new RestartPolicy(left);
  let failure: string | null = null;
  log.info({ ...candidate, ...layout }, 'starting workers');

  const keepRunning = async (slot: number): Promise<void> => {
    while (!stop.aborted) {
      const startedAt = clock.monotonic();
      const worker = start(candidate, layout, slot);
      const ending = await endOf(worker, stop, clock, drainMsMax);
      if (stop.aborted || ending.done) return;
      if (ending.renew) {
        log.info(
          { ...candidate, slot, reason: ending.message },
          'worker drained; starting a fresh one',
        );
        continue;
      }
      const next = policy.afterEnd({
        stage: ending.ready ? 'service' : 'start',
        ranMs: clock.monotonic() - startedAt,
        retryable: ending.retryable,
      });
      if (next.kind !== 'restart') {
        log.error(
          { ...candidate, slot, reason: ending.message },
          next.kind === 'give-up' ? 'giving up' : 'trying the next candidate',
        );
        failure = ending.message;
        abandoned.abort();
        return;
      }
      const { delayMs } = next;
      log.warn(
        { ...candidate, slot, reason: ending.message, delay_ms: delayMs },
        'worker ended; starting another',
      );
      await rest(clock, delayMs, stop);
    }
  };

  await Promise.all(Array.from({ length: layout.processes }, (_, slot) => keepRunning(slot)));
  return signal.aborted ? null : failure;
}

/** Waits for the worker's end; when `stop` aborts, drains it and kills it after `drainMsMax`. */
async function endOf(
  worker: Worker,
  stop: AbortSignal,
  clock: Clock,
  drainMsMax: number,
): Promise<WorkerEnding> {
  const gone = new AbortController();
  const drain = async (): Promise<void> => {
    worker.drain();
    if (await rest(clock, drainMsMax, gone.signal)) worker.kill();
  };
  const onStop = (): void => void drain();
  stop.addEventListener('abort', onStop, { once: true });
  try {
    return await worker.ended;
  } finally {
    stop.removeEventListener('abort', onStop);
    gone.abort();
  }
}
