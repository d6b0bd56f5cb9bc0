// Judges a runner's answer to a job before anything of it is used, then returns its vectors to the
// callers.

import type { JobAnswer } from '#core/fleet/fleet.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import type { SessionEffect } from '#core/protocol/gateway-session.ts';
import type { JobResult } from '#core/protocol/job-result-frame.ts';
import { closeCode } from '#core/protocol/wire.ts';
import { deviceOf, provenanceOf, type HubConnection } from './hub-connection.ts';
import type { HubState } from './hub-state.ts';
import type { RunnerTrust } from './runner-trust.ts';

export class JobAnswers {
  readonly #state: Pick<HubState, 'options' | 'fleet' | 'queue'>;
  readonly #trust: RunnerTrust;
  /**
   * UTC ms of the last answer. The time stored with vectors never decreases, even if the clock
   * does.
   */
  #embeddedAt = 0;

  constructor(state: Pick<HubState, 'options' | 'fleet' | 'queue'>, trust: RunnerTrust) {
    this.#state = state;
    this.#trust = trust;
  }

  /** Returns what must happen to the connection because of this answer. */
  use(connection: HubConnection, result: JobResult): readonly SessionEffect[] {
    const {
      fleet,
      options: { clock },
    } = this.#state;
    const { session } = connection;
    const { jobId, attempt, outcomes } = result;
    const now = clock.monotonic();
    const embeddedAt = (this.#embeddedAt = Math.max(this.#embeddedAt, clock.now()));
    const job = fleet.job(session.id, jobId, attempt);
    const wrong = this.#trust.judge(connection, job, outcomes, embeddedAt);
    // The fleet still counts the job as this runner's, so the whole job goes to another one.
    if (wrong !== null) return session.quarantine(wrong);
    const answer = fleet.answer(session.id, jobId, attempt, outcomes, now);
    if (answer.kind === 'late') {
      this.#late(connection, result);
      return [];
    }
    if (answer.kind === 'miscounted') {
      const counts = `${answer.texts} texts, its answer ${outcomes.length} outcomes`;
      return session.end(closeCode.badMessage, `job ${jobId} has ${counts}`, true);
    }
    if (answer.kind === 'check' && session.state === 'checking')
      return this.#goldenCheck(connection, answer.outcomes, embeddedAt);
    if (answer.kind === 'work') this.#settle(connection, result, answer, embeddedAt);
    // Outside of the golden check, a job without work has only canaries, which `judge` has judged.
    const embedded = answer.kind === 'work' ? answer.embedded : [];
    this.#trust.worked(connection, embedded, embeddedAt, now);
    return [];
  }

  #goldenCheck(
    { session }: HubConnection,
    outcomes: readonly EmbedOutcome[],
    embeddedAt: number,
  ): readonly SessionEffect[] {
    const effects = session.checked(outcomes, embeddedAt);
    if (session.lastGoldenCosine !== null)
      this.#state.options.observer.golden(deviceOf(session), session.lastGoldenCosine.mean);
    return effects;
  }

  #late({ session }: HubConnection, { jobId, attempt }: JobResult): void {
    const { log, observer } = this.#state.options;
    log.warn({ job_id: jobId, attempt, runner_id: session.id }, 'late answer ignored');
    observer.lateAnswer();
  }

  #settle(
    connection: HubConnection,
    { jobId, attempt, outcomes }: JobResult,
    { ended, embedded, ms }: Extract<JobAnswer, { readonly kind: 'work' }>,
    embeddedAt: number,
  ): void {
    const { session } = connection;
    const { log, observer } = this.#state.options;
    const provenance = provenanceOf(connection, embeddedAt);
    connection.textsEmbedded += embedded.length;
    observer.job(deviceOf(session), ms / 1000, embedded.length);
    log.debug(
      { job_id: jobId, attempt, runner_id: session.id, texts: outcomes.length, ms },
      'job answered',
    );
    this.#state.queue.settle(ended, provenance);
  }
}
