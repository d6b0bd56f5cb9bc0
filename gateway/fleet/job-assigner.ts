// Sends waiting texts to free runners as jobs.

import { nothingMixedIn } from '#core/fleet/fleet-job.ts';
import type { Fleet } from '#core/fleet/fleet.ts';
import { hasOtherIds } from '#core/model/older-tokenizer.ts';
import type { Clock } from '#core/ports.ts';
import { closeCode, encodeMessage } from '#core/protocol/wire.ts';
import type { HubConnection } from './hub-connection.ts';
import type { HubLog } from './hub-types.ts';

export type JobAssignerOptions = {
  readonly fleet: Fleet;
  /** Connections by session id. */
  readonly connections: ReadonlyMap<string, HubConnection>;
  readonly clock: Clock;
  readonly log: HubLog;
  /** Ends a connection. Its jobs go back to the queue. */
  readonly end: (runner: string, code: number, reason: string) => void;
  /** No job is assigned after it aborts. */
  readonly signal: AbortSignal;
};

/** No other runner is there for such a text, and this one would give it a wrong vector. */
const olderTokenizer =
  'its model has an older tokenizer, which is wrong for a text that waits: update the runner';

export class JobAssigner {
  readonly #options: JobAssignerOptions;
  #isScheduled = false;

  constructor(options: JobAssignerOptions) {
    this.#options = options;
  }

  /**
   * Assigns jobs after the current turn of the event loop: texts that are submitted in one turn
   * then share full jobs.
   */
  assignSoon(): void {
    if (this.#isScheduled || this.#options.signal.aborted) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#assign();
    });
  }

  #assign(): void {
    const { fleet, connections, clock, log } = this.#options;
    const assignments = fleet.assign(
      clock.monotonic(),
      (runner, job) => connections.get(runner)?.checks?.mixIn(job) ?? nothingMixedIn(runner, job),
    );
    for (const { runner, ...job } of assignments) {
      const connection = connections.get(runner);
      if (connection?.session.hasOlderTokenizer === true && job.texts.some(hasOtherIds)) {
        this.#options.end(runner, closeCode.modelMismatch, olderTokenizer);
        continue;
      }
      log.debug(
        { job_id: job.jobId, attempt: job.attempt, runner_id: runner, texts: job.texts.length },
        'job assigned',
      );
      connection?.channel.send(
        encodeMessage({ type: 'job-assign', ...job, texts: [...job.texts] }),
      );
    }
  }
}
