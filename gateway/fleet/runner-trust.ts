// Decides whether a runner's work is trusted: judges canaries, compares samples, and reports to the
// provenance log which vectors are right and which are wrong.

import type { Lane } from '#core/fleet/backlog.ts';
import type { Job } from '#core/fleet/fleet-job.ts';
import { RunnerChecks } from '#core/fleet/runner-checks.ts';
import type { Verifiers } from '#core/fleet/verifiers.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import { unlessAborted } from '#core/time/deadline.ts';
import { votersMin } from '#core/trust/agreement.ts';
import type { AnsweredText, Sample } from '#core/trust/sampler.ts';
import { CrossChecks, type CheckVerdict } from './cross-checks.ts';
import { FirstChecks } from './first-checks.ts';
import { deviceOf, type HubConnection } from './hub-connection.ts';
import type { HubState } from './hub-state.ts';
import { PeerChecks } from './peer-checks.ts';
import { quarantine, QuarantineList } from './quarantine.ts';
import { ownerOf } from './runner-identity.ts';
import { SameOwner } from './same-owner.ts';

type UsedWork = {
  readonly embedded: readonly AnsweredText[];
  readonly lane: Lane;
  readonly isChecked: boolean;
};

export class RunnerTrust {
  readonly quarantined: QuarantineList;
  readonly firstChecks: FirstChecks;
  readonly #sameOwner: SameOwner;
  readonly #state: HubState;
  readonly #quarantineSession: (connection: HubConnection, reason: string) => void;
  readonly #crossChecks: CrossChecks;
  readonly #peerChecks: PeerChecks;

  /** `quarantineSession` puts a connected runner into quarantine; `left` is called as a result. */
  constructor(
    state: HubState,
    quarantineSession: (connection: HubConnection, reason: string) => void,
  ) {
    const { bounds, clock, observer, limits, random, log } = state.options;
    this.#state = state;
    this.#quarantineSession = quarantineSession;
    this.quarantined = new QuarantineList(state);
    this.firstChecks = new FirstChecks(state, (connection, text) =>
      this.#crossCheck(connection, text, 'first-check'),
    );
    this.#sameOwner = new SameOwner(state);
    this.#peerChecks = new PeerChecks({
      queue: state.queue,
      bounds,
      clock,
      limits,
      random,
      owners: () => this.#readyOwners(),
      log,
      onResult: (result) => observer.crossCheck(result),
    });
    this.#crossChecks = new CrossChecks({
      queue: state.queue,
      bounds,
      clock,
      get waitMsMax() {
        return 2 * limits.checkIntervalMs;
      },
      onResult: (result) => observer.crossCheck(result),
    });
  }

  /**
   * The runner has passed its first golden check. Resolves once it may work: an untrusted runner
   * waits until its session is marked in the store, and until it is known who may not join.
   * `false`: its connection has ended.
   */
  async begin(connection: HubConnection): Promise<boolean> {
    const { session, identity, ended } = connection;
    const { fleet } = this.#state;
    const { provenanceLog, blocks, bounds, limits, random, clock } = this.#state.options;
    try {
      if (!identity.trusted) {
        await provenanceLog.begin(session.id, session.checkedAt, ended.signal);
        await unlessAborted(blocks.loaded, ended.signal);
      }
    } catch {
      return false;
    }
    connection.checks = new RunnerChecks(
      {
        golden: { cases: session.golden },
        bounds,
        dtype: session.hello?.dtype ?? '',
        limits,
        get textsPerSample() {
          return fleet.proving.textsPerSample(session.id, clock.monotonic());
        },
        random,
      },
      session.checkedAt,
      clock.monotonic(),
    );
    connection.verifiedUntil = session.checkedAt;
    this.#endIfSettled(connection);
    return this.#isConnected(connection);
  }

  /** Who verifies the vectors of untrusted runners. */
  get verifiers(): Verifiers {
    const ready = this.#ready();
    if (ready.length === 0 || ready.some(({ identity }) => identity.trusted)) return 'trusted';
    return this.#readyOwners().size >= votersMin ? 'agreement' : 'nobody';
  }

  /** Call it before using anything of an answer. Returns why the runner is wrong, or `null`. */
  judge(
    { session, checks }: HubConnection,
    job: Job | null,
    outcomes: readonly EmbedOutcome[],
    embeddedAt: number,
  ): string | null {
    if (checks === null || job === null || job.texts.length !== outcomes.length) return null;
    const verdict = checks.judge(job, outcomes, embeddedAt);
    if (verdict === null) return null;
    this.#state.options.observer.golden(deviceOf(session), verdict.mean, session.id);
    if (!verdict.ok) return verdict.message;
    session.provedRight(verdict);
    return null;
  }

  /** An answer was used. Chooses samples of it, unless it was checked before. */
  worked(
    connection: HubConnection,
    { embedded, lane, isChecked }: UsedWork,
    embeddedAt: number,
    now: number,
  ): void {
    const { checks, identity } = connection;
    if (embedded.length > 0) checks?.worked();
    if (!identity.trusted && !isChecked)
      this.#compare(connection, checks?.answered(embedded, lane, embeddedAt, now) ?? []);
    this.#verify(connection);
  }

  /**
   * Compares samples that are due. An idle runner gets a canary, so its last work is verified; the
   * work of one that idles unproven is embedded again.
   */
  tick(connection: HubConnection, now: number): void {
    const { session, checks, unprovenAt } = connection;
    const { fleet, options } = this.#state;
    this.#compare(connection, checks?.due(now) ?? []);
    if (unprovenAt !== null && now - unprovenAt >= options.limits.checkIntervalMs)
      this.#reEmbed(connection, false);
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

  /** The runner's connection has ended. */
  left(connection: HubConnection, reason: string): void {
    this.#peerChecks.left();
    if (connection.session.state === 'quarantined') return this.#quarantine(connection, reason);
    this.#compare(connection, connection.checks?.end() ?? []);
    this.#endIfSettled(connection);
  }

  #compare(connection: HubConnection, samples: readonly Sample[]): void {
    const { session, checks } = connection;
    const { proving } = this.#state.fleet;
    const now = this.#state.options.clock.monotonic();
    for (const sample of samples) {
      if (!proving.isGuarded(now)) {
        void this.#comparePeers(connection, sample);
        continue;
      }
      const lane = proving.isJustProven(session.id, now) ? 'first-check' : 'cross-check';
      proving.sampled(session.id);
      void this.#crossCheck(connection, sample, lane).then((verdict) => {
        proving.compared(session.id, verdict.is === 'right');
        // Work that is unverified when the gateway stops is re-embedded after its next start.
        if (this.#state.signal.aborted || session.state === 'quarantined') return;
        if (verdict.is === 'wrong') return this.#foundWrong(connection, verdict.reason);
        checks?.settled(sample);
        this.#verify(connection);
        this.#endIfSettled(connection);
        this.#state.assigner.assignSoon();
      });
    }
  }

  async #crossCheck(
    connection: HubConnection,
    sample: AnsweredText,
    lane: 'first-check' | 'cross-check',
  ): Promise<CheckVerdict> {
    const dtype = connection.session.hello?.dtype ?? '';
    const { mean } = connection;
    const verdict = await this.#crossChecks.compare(sample, { dtype, mean }, lane);
    if (verdict.is !== 'unknown') connection.lastCheck = verdict.check;
    return verdict;
  }

  /** No runner is trusted: those of other owners say who is right. */
  async #comparePeers(connection: HubConnection, sample: Sample): Promise<void> {
    const { session, identity, checks } = connection;
    const { fleet, connections, options, signal } = this.#state;
    const voter = {
      runnerSession: session.id,
      owner: ownerOf(identity),
      dtype: session.hello?.dtype ?? '',
    };
    const said = await this.#peerChecks.compare(sample, voter);
    // Work that others could have checked is embedded again after the next start.
    if (signal.aborted && said !== null) return;
    connection.lastCheck = said?.check ?? connection.lastCheck;
    // A trusted runner that has come meanwhile decides, and not they.
    const isDecided = !fleet.proving.isGuarded(options.clock.monotonic());
    for (const { runnerSession } of isDecided ? (said?.wrong ?? []) : []) {
      const found = runnerSession === session.id ? connection : connections.get(runnerSession);
      if (found !== undefined && found.session.state !== 'quarantined')
        this.#foundWrong(found, 'vectors are wrong: most runners with other tokens contradict it');
    }
    if (session.state === 'quarantined') return;
    checks?.settled(sample);
    this.#verify(connection);
    this.#endIfSettled(connection);
  }

  #foundWrong(connection: HubConnection, reason: string): void {
    if (this.#isConnected(connection)) return this.#quarantineSession(connection, reason);
    connection.session.foundWrong();
    this.#quarantine(connection, reason);
  }

  #quarantine(connection: HubConnection, reason: string): void {
    quarantine(connection, reason, this.#state, this.quarantined);
    this.#sameOwner.distrust(connection.identity);
  }

  #reEmbed(connection: HubConnection, hasEnded: boolean): void {
    const { session, verifiedUntil } = connection;
    connection.unprovenAt = hasEnded ? null : Infinity;
    this.#state.options.provenanceLog.reEmbed(session.id, verifiedUntil, hasEnded);
  }

  /** Records up to which time the work of a proven runner has passed its checks. */
  #verify(connection: HubConnection): void {
    if (connection.unprovenAt !== null) return;
    connection.verifiedUntil = Math.max(
      connection.verifiedUntil,
      connection.checks?.verifiedUntil ?? 0,
    );
    const { provenanceLog } = this.#state.options;
    provenanceLog.verified(connection.session.id, connection.verifiedUntil);
  }

  /** Ends the provenance of a runner that has left, once all of its samples are compared. */
  #endIfSettled(connection: HubConnection): void {
    const { session, checks } = connection;
    const isOpen = this.#isConnected(connection) || checks?.isSettled === false;
    if (isOpen || session.state === 'quarantined') return;
    if (connection.unprovenAt !== null) return this.#reEmbed(connection, true);
    this.#state.options.provenanceLog.end(session.id);
    this.#sameOwner.ended(connection);
  }

  #ready(): readonly HubConnection[] {
    return [...this.#state.connections.values()].filter(({ session }) => session.state === 'ready');
  }

  #readyOwners(): ReadonlySet<string> {
    return new Set(this.#ready().map(({ identity }) => ownerOf(identity)));
  }

  #isConnected({ session }: HubConnection): boolean {
    return this.#state.connections.has(session.id);
  }
}
