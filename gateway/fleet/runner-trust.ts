// Decides whether a runner's work is believed: canaries judged, samples compared, and the store
// told of whatever was wrong.

import type { Job } from '#core/fleet/fleet-job.ts';
import type { Fleet } from '#core/fleet/fleet.ts';
import { RunnerChecks } from '#core/fleet/runner-checks.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import type { AnsweredText, Sample } from '#core/trust/sampler.ts';
import { CrossChecks } from './cross-checks.ts';
import type { EmbeddingQueue } from './embedding-queue.ts';
import { viewOf, type HubConnection } from './hub-connection.ts';
import type { RunnerHubOptions } from './hub-types.ts';
import { QuarantineList } from './quarantine-list.ts';

export type RunnerTrustParts = {
  readonly fleet: Fleet;
  readonly service: EmbeddingQueue;
  /** By session. */
  readonly connections: ReadonlyMap<string, HubConnection>;
  /** Aborts when the hub closes. */
  readonly signal: AbortSignal;
  /** Ends the connection of a runner that a sample has shown to be wrong. */
  readonly expel: (connection: HubConnection, reason: string) => void;
};

export class RunnerTrust {
  readonly quarantined: QuarantineList;
  readonly #options: RunnerHubOptions;
  readonly #parts: RunnerTrustParts;
  readonly #crossChecks: CrossChecks;
  #expectsTrusted: boolean;

  constructor(options: RunnerHubOptions, parts: RunnerTrustParts) {
    const { bounds, clock, observer, limits } = options;
    this.#options = options;
    this.#parts = parts;
    this.#expectsTrusted = options.expectsTrusted;
    this.quarantined = new QuarantineList(clock);
    this.#crossChecks = new CrossChecks({
      service: parts.service,
      bounds,
      clock,
      get waitMsMax() {
        return 2 * limits.checkIntervalMs;
      },
      told: (result) => observer.crossCheck(result),
    });
  }

  /**
   * It has passed the check at the door. An untrusted runner's work begins only when the store
   * knows whose it will be. `false`: too late.
   */
  async begin(connection: HubConnection): Promise<boolean> {
    const { session, identity } = connection;
    const { ledger, golden, bounds, limits, random, clock } = this.#options;
    connection.checks = new RunnerChecks(
      { golden, bounds, dtype: session.hello?.dtype ?? '', limits, random },
      session.checkedAt,
      clock.monotonic(),
    );
    connection.verifiedUntil = session.checkedAt;
    this.#expectsTrusted ||= identity.trusted;
    try {
      if (!identity.trusted) await ledger.begin(session.id, session.checkedAt, this.#parts.signal);
    } catch {
      return false;
    }
    this.#settle(connection);
    return this.#isConnected(connection);
  }

  /** Before anything of an answer is used: why the runner is wrong, or `null`. */
  judge(
    { session, checks }: HubConnection,
    job: Job | null,
    outcomes: readonly EmbedOutcome[],
    embeddedAt: number,
  ): string | null {
    if (checks === null || job === null || job.texts.length !== outcomes.length) return null;
    const verdict = checks.judge(job, outcomes, embeddedAt);
    if (verdict === null) return null;
    this.#options.observer.golden(session.hello?.device ?? 'unknown', verdict.mean);
    if (!verdict.ok) return verdict.message;
    session.provedRight(verdict);
    return null;
  }

  /** An answer was used. */
  worked(
    connection: HubConnection,
    answers: readonly AnsweredText[],
    embeddedAt: number,
    now: number,
  ): void {
    if (answers.length > 0) connection.checks?.worked();
    // One that is away for a moment, or still starts, compares when it is there: in that moment
    // nobody may lie unseen.
    if (!connection.identity.trusted && this.#expectsTrusted)
      this.#compare(connection, connection.checks?.answered(answers, embeddedAt, now) ?? []);
    this.#vouch(connection);
  }

  /**
   * A runner that has come to rest gets its canary all the same: its last work is to be vouched
   * for.
   */
  tick(connection: HubConnection, now: number): void {
    const { session, checks } = connection;
    const { fleet } = this.#parts;
    this.#compare(connection, checks?.due(now) ?? []);
    if (
      session.state !== 'ready' ||
      checks?.wantsCanary(now) !== true ||
      fleet.jobsInWork(session.id) > 0
    )
      return;
    fleet.check(
      session.id,
      checks.mixIn({
        lane: 'bulk',
        texts: [],
        textsPerSecond: fleet.textsPerSecond(session.id),
        room: 1,
        now,
      }),
    );
  }

  /** Its connection has ended. */
  left(connection: HubConnection, reason: string): void {
    if (connection.session.state === 'quarantined') return this.#quarantine(connection, reason);
    this.#compare(connection, connection.checks?.end() ?? []);
    this.#settle(connection);
  }

  #compare(connection: HubConnection, samples: readonly Sample[]): void {
    const { session, checks } = connection;
    for (const sample of samples) {
      void this.#crossChecks.compare(sample, session.hello?.dtype ?? '').then((result) => {
        // What waits when the gateway stops is embedded again after its next start.
        if (this.#parts.signal.aborted || session.state === 'quarantined') return;
        if (typeof result === 'object') return this.#foundWrong(connection, result.wrong);
        checks?.settled(sample);
        this.#vouch(connection);
        this.#settle(connection);
      });
    }
  }

  #foundWrong(connection: HubConnection, reason: string): void {
    if (this.#isConnected(connection)) return this.#parts.expel(connection, reason);
    connection.session.foundWrong();
    this.#quarantine(connection, reason);
  }

  #quarantine(connection: HubConnection, reason: string): void {
    const { session, identity, checks, verifiedUntil } = connection;
    const { observer, ledger, log } = this.#options;
    const view = viewOf(connection, this.#parts.fleet);
    if (view !== null) this.quarantined.add(identity, view, reason);
    if (checks !== null) ledger.distrust(session.id, verifiedUntil);
    observer.quarantined(session.hello?.device ?? 'unknown');
    log.error(
      {
        runner_id: session.id,
        runner: session.hello?.name,
        join_token: identity.token?.id,
        good_until: verifiedUntil,
        reason,
      },
      'runner quarantined: its vectors are wrong',
    );
  }

  #vouch(connection: HubConnection): void {
    connection.verifiedUntil = Math.max(
      connection.verifiedUntil,
      connection.checks?.verifiedUntil ?? 0,
    );
    this.#options.ledger.vouched(connection.session.id, connection.verifiedUntil);
  }

  /** Once it has gone and nothing of its work is still to be compared. */
  #settle(connection: HubConnection): void {
    if (
      this.#isConnected(connection) ||
      connection.session.state === 'quarantined' ||
      connection.checks?.isSettled === false
    )
      return;
    this.#options.ledger.end(connection.session.id);
  }

  #isConnected({ session }: HubConnection): boolean {
    return this.#parts.connections.has(session.id);
  }
}
