// Judges a runner's answer to a job before anything of it is used, then returns its vectors to the
// callers.

import type { Job, JobAnswer } from '#core/fleet/fleet-job.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import type { SessionEffect } from '#core/protocol/gateway-session.ts';
import type { JobResult } from '#core/protocol/job-result-frame.ts';
import { closeCode } from '#core/protocol/wire.ts';
import { deviceOf, provenanceOf, type HubConnection } from './hub-connection.ts';
import type { HubState } from './hub-state.ts';
import type { RunnerTrust } from './runner-trust.ts';

const lateAnswersMax = 20;

type ApplyEffects = (connection: HubConnection, effects: readonly SessionEffect[]) => void;

export class JobAnswers {
  readonly #state: HubState;
  readonly #trust: RunnerTrust;
  readonly #apply: ApplyEffects;
  /**
   * UTC ms of the last answer. The time stored with vectors never decreases, even if the clock
   * does.
   */
  #embeddedAt = 0;

  /** `apply` carries out what a check decides after `use` has returned. */
  constructor(state: HubState, trust: RunnerTrust, apply: ApplyEffects) {
    this.#state = state;
    this.#trust = trust;
    this.#apply = apply;
  }

  /** Returns what must happen to the connection because of this answer. */
  use(connection: HubConnection, result: JobResult): readonly SessionEffect[] {
    const {
      fleet,
      options: { clock },
    } = this.#state;
    const { session } = connection;
    const { jobId, attempt, outcomes } = result;
    const job = fleet.job(session.id, jobId, attempt);
    if (job !== null && job.answeredAt !== null) return this.#late(connection, result);
    const embeddedAt = (this.#embeddedAt = Math.max(this.#embeddedAt, clock.now()));
    const wrong = this.#trust.judge(connection, job, outcomes, embeddedAt);
    // The fleet still counts the job as this runner's, so the whole job goes to another one.
    if (wrong !== null) return session.quarantine(wrong);
    if (
      job?.texts.length === outcomes.length &&
      fleet.proving.awaitsCheck(session.id, job, clock.monotonic())
    ) {
      void this.#afterCheck(connection, job, result);
      return [];
    }
    return this.#take(connection, result, embeddedAt, false);
  }

  /** A newcomer's answer is used only when a trusted runner agrees with texts of it. */
  async #afterCheck(connection: HubConnection, job: Job, result: JobResult): Promise<void> {
    const { fleet, options, assigner } = this.#state;
    const { session, ended } = connection;
    const verdict = await this.#trust.firstChecks.check(connection, job, result.outcomes);
    // The job's texts went to other runners when the connection ended.
    if (ended.signal.aborted) return;
    if (verdict?.is === 'wrong') return this.#apply(connection, session.quarantine(verdict.reason));
    const { clock } = options;
    if (verdict?.is === 'unknown' && fleet.proving.isGuarded(clock.monotonic()))
      fleet.proving.release(session.id, job);
    const embeddedAt = (this.#embeddedAt = Math.max(this.#embeddedAt, clock.now()));
    const isChecked = verdict?.is === 'right';
    this.#apply(connection, this.#take(connection, result, embeddedAt, isChecked));
    assigner.assignSoon();
  }

  /** Uses the answer to a job. `isChecked`: no sample of it is needed. */
  #take(
    connection: HubConnection,
    result: JobResult,
    embeddedAt: number,
    isChecked: boolean,
  ): readonly SessionEffect[] {
    const {
      fleet,
      options: { clock },
    } = this.#state;
    const { session } = connection;
    const { jobId, attempt, outcomes } = result;
    const now = clock.monotonic();
    const answer = fleet.answer(session.id, jobId, attempt, outcomes, now);
    if (answer.kind === 'late') return this.#late(connection, result);
    if (answer.kind === 'miscounted') {
      const counts = `${answer.texts} texts, its answer ${outcomes.length} outcomes`;
      return session.end(closeCode.badMessage, `job ${jobId} has ${counts}`, true);
    }
    if (answer.kind === 'check' && session.state === 'checking')
      return this.#goldenCheck(connection, answer.outcomes, embeddedAt);
    if (answer.kind === 'work') this.#settle(connection, result, answer, embeddedAt);
    // Outside of the golden check, a job without work has only canaries, which `judge` has judged.
    const work = answer.kind === 'work' ? answer : { embedded: [], lane: 'bulk' as const };
    this.#trust.worked(connection, { ...work, isChecked }, embeddedAt, now);
    return this.#sentAway(connection, outcomes);
  }

  /**
   * Each refused text is tried again alone, so a runner that refuses most of them would cut the
   * work into tiny jobs. Beside a trusted runner nothing is lost without it.
   */
  #sentAway(
    { session, identity, refusals }: HubConnection,
    outcomes: readonly EmbedOutcome[],
  ): readonly SessionEffect[] {
    const { fleet, options } = this.#state;
    const refused = outcomes.filter(({ ok }) => !ok).length;
    if (!refusals.add(outcomes.length, refused) || identity.trusted) return [];
    if (!fleet.proving.isGuarded(options.clock.monotonic())) return [];
    const reason = 'it refuses most of its texts';
    this.#trust.quarantined.slow(identity, reason);
    return session.end(closeCode.notNow, reason, false);
  }

  #goldenCheck(
    { session }: HubConnection,
    outcomes: readonly EmbedOutcome[],
    embeddedAt: number,
  ): readonly SessionEffect[] {
    const effects = session.checked(outcomes, embeddedAt);
    if (session.lastGoldenCosine !== null)
      this.#state.options.observer.golden(
        deviceOf(session),
        session.lastGoldenCosine.mean,
        session.id,
      );
    return effects;
  }

  /** Each is logged, so a runner must not send many. */
  #late(connection: HubConnection, { jobId, attempt }: JobResult): readonly SessionEffect[] {
    const { log, observer } = this.#state.options;
    const { session } = connection;
    log.warn({ job_id: jobId, attempt, runner_id: session.id }, 'late answer ignored');
    observer.lateAnswer();
    connection.lateAnswers += 1;
    if (connection.lateAnswers < lateAnswersMax) return [];
    const reason = `${lateAnswersMax} answers to jobs that it does not have`;
    return session.end(closeCode.badMessage, reason, false);
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
