// Runs the session of every connected runner: feeds it with frames, and carries out what it
// decides until the connection has ended.

import { randomUUID } from 'node:crypto';
import { RefusalShare } from '#core/fleet/refusal-share.ts';
import type { FailureCause } from '#core/fleet/task-result.ts';
import { hasOtherIds } from '#core/model/older-tokenizer.ts';
import type { Channel } from '#core/ports.ts';
import { GatewaySession, type SessionEffect } from '#core/protocol/gateway-session.ts';
import { closeCode, textsPerJobMax, type RunnerHello } from '#core/protocol/wire.ts';
import { MeanAgreement } from '#core/trust/agreement.ts';
import { logFieldsOf, viewOf, type HubConnection } from './hub-connection.ts';
import type { HubState } from './hub-state.ts';
import type { RunnerView } from './hub-types.ts';
import { JobAnswers } from './job-answers.ts';
import { ownerOf, type RunnerIdentity } from './runner-identity.ts';
import { RunnerTrust } from './runner-trust.ts';

/** How a connection ends. `blame`: the job in work may be the cause. */
export type Ending = { readonly code: number; readonly reason: string; readonly blame: boolean };

export class HubSessions {
  readonly trust: RunnerTrust;
  readonly #state: HubState;
  readonly #answers: JobAnswers;

  constructor(state: HubState) {
    this.#state = state;
    this.trust = new RunnerTrust(state, (connection, reason) =>
      this.apply(connection, connection.session.quarantine(reason)),
    );
    this.#answers = new JobAnswers(state, this.trust, (connection, effects) =>
      this.apply(connection, effects),
    );
  }

  /** Starts the session of an admitted runner, unless the gateway has no capacity for it. */
  open(channel: Channel, identity: RunnerIdentity): void {
    const { options, connections, signal } = this.#state;
    const { identity: model, golden, bounds, limits, clock, log } = options;
    if (signal.aborted) return channel.close(closeCode.goingAway, shuttingDown);
    const full = this.#capacityProblem(identity);
    if (full !== null) {
      log.warn({ join_token: identity.token?.id }, `runner refused: ${full}`);
      return channel.close(closeCode.notNow, full);
    }
    const refusal = () => this.trust.quarantined.refusal(identity);
    const session = new GatewaySession(
      randomUUID(),
      { identity: model, golden, bounds, refusal, ...limits },
      clock.monotonic(),
    );
    const connection: HubConnection = {
      session,
      channel,
      identity,
      ended: new AbortController(),
      connectedAt: clock.now(),
      checks: null,
      textsEmbedded: 0,
      refusals: new RefusalShare(),
      lateAnswers: 0,
      verifiedUntil: 0,
      unprovenAt: null,
      lastCheck: null,
      mean: new MeanAgreement(),
    };
    connections.set(session.id, connection);
    channel.listen({
      frame: (frame) => this.apply(connection, session.receive(frame, clock.monotonic())),
      closed: (code, reason) =>
        this.#leave(connection, { code, reason, blame: session.closed(code) }),
    });
  }

  /** Connected runners that have sent their greeting, and recently quarantined ones. */
  views(): readonly RunnerView[] {
    const { connections, fleet, options } = this.#state;
    const now = options.clock.monotonic();
    return [
      ...[...connections.values()].flatMap((connection) => viewOf(connection, fleet, now) ?? []),
      ...this.trust.quarantined.views(),
    ];
  }

  /** `false`: there is no such connection. */
  drain(id: string): boolean {
    const connection = this.#state.connections.get(id);
    if (connection === undefined) return false;
    this.apply(connection, connection.session.drain('asked to drain'));
    return true;
  }

  /** `false`: there is no such connection. */
  quarantine(id: string, reason: string): boolean {
    const connection = this.#state.connections.get(id);
    if (connection === undefined) return false;
    this.apply(connection, connection.session.quarantine(reason));
    return true;
  }

  /** `false`: there is no such connection. */
  end(id: string, { code, reason, blame }: Ending): boolean {
    const connection = this.#state.connections.get(id);
    if (connection === undefined) return false;
    this.apply(connection, connection.session.end(code, reason, blame));
    return true;
  }

  /** Its job is past the deadline. A newcomer that holds work up is slowed. */
  endLate(id: string): void {
    const { connections, fleet, options } = this.#state;
    const connection = connections.get(id);
    const reason = 'a job is past its deadline';
    const isNewcomer = fleet.proving.isNewcomer(id, options.clock.monotonic());
    this.end(id, { code: closeCode.timeout, reason, blame: true });
    if (connection !== undefined && isNewcomer)
      this.trust.quarantined.slow(connection.identity, reason);
  }

  /** Ends connections whose token was revoked, and those that had not begun in time. */
  endBlocked(): void {
    const { blocks } = this.#state.options;
    for (const { session, identity, checks } of this.#state.connections.values()) {
      const { token } = identity;
      if (token !== null && blocks.isRevoked(token.id)) this.end(session.id, revoked);
      const reason = checks === null ? this.trust.quarantined.refusalOf(identity) : null;
      if (reason !== null) this.end(session.id, { code: closeCode.notNow, reason, blame: false });
    }
  }

  /** Carries out what the session decided. */
  apply(connection: HubConnection, effects: readonly SessionEffect[]): void {
    for (const effect of effects) this.#carryOut(connection, effect);
    if (effects.length > 0) this.#state.assigner.assignSoon();
  }

  /** Why this runner cannot connect now; `null`: it can. */
  #capacityProblem({ token }: RunnerIdentity): string | null {
    const { options, connections, joinLimits } = this.#state;
    const { runnersMax } = options.limits;
    if (joinLimits.isFull(token))
      return `the runner limit of this join token (${token?.runnersMax}) is reached`;
    if (connections.size < runnersMax) return null;
    return `the runner limit of this gateway (${runnersMax}) is reached`;
  }

  #carryOut(connection: HubConnection, effect: SessionEffect): void {
    const { session, channel } = connection;
    const { fleet } = this.#state;
    switch (effect.do) {
      case 'send':
        return channel.send(effect.frame);
      case 'join':
        return this.#join(connection, effect.hello);
      case 'check': {
        const texts = session.golden.map(({ text }) => text);
        return fleet.check(session.id, { texts, canaries: new Map() });
      }
      case 'serve':
        return void this.#serve(connection);
      case 'drain':
        fleet.drain(session.id);
        return this.#announce(connection, 'runner drains');
      case 'answer':
        return this.apply(connection, this.#answers.use(connection, effect.result));
      case 'close':
        channel.close(effect.code, effect.reason);
        return this.#leave(connection, effect);
    }
  }

  #join(connection: HubConnection, hello: RunnerHello): void {
    const { fleet, joinLimits } = this.#state;
    const { name, textsPerSecond, limits, dimensions } = hello;
    const { session, identity } = connection;
    fleet.join({
      id: session.id,
      name,
      textsPerSecond,
      owner: ownerOf(identity),
      trusted: identity.trusted,
      mustNotEmbed: session.hasOlderTokenizer ? hasOtherIds : null,
      limit: joinLimits.rate(identity.token),
      textsPerJobMax: Math.min(limits.textsPerJobMax, textsPerJobMax(dimensions)),
    });
    this.#announce(connection, 'runner joined, its vectors are being checked');
  }

  async #serve(connection: HubConnection): Promise<void> {
    if (!(await this.trust.begin(connection))) return;
    this.#state.fleet.serve(connection.session.id);
    this.#announce(connection, 'runner ready');
    this.#state.assigner.assignSoon();
  }

  /** Runs once per connection, whichever side has ended it. */
  #leave(connection: HubConnection, { code, reason, blame }: Ending): void {
    const { options, fleet, queue, assigner, connections, joinLimits } = this.#state;
    const { session, identity } = connection;
    if (!connections.delete(session.id)) return;
    connection.ended.abort();
    const why = reason === '' ? String(code) : `${code}: ${reason}`;
    const cause: FailureCause = {
      code: 'runner_lost',
      message: `The runner was lost while it had the text (${why}).`,
    };
    const requeuedBefore = fleet.stats().requeued;
    queue.settle(fleet.leave(session.id, blame ? cause : null, options.clock.monotonic()), null);
    const requeued = fleet.stats().requeued - requeuedBefore;
    if (requeued > 0) options.observer.requeued(requeued);
    this.#logEnd(connection, code, reason, requeued);
    this.trust.left(connection, reason);
    joinLimits.left(identity.token);
    options.observer.runners(this.views());
    assigner.assignSoon();
  }

  #logEnd({ session }: HubConnection, code: number, reason: string, requeued: number): void {
    const { log } = this.#state.options;
    const fields = {
      runner_id: session.id,
      runner: session.hello?.name,
      code,
      reason,
      requeued_jobs: requeued,
    };
    if (code === closeCode.done || code === closeCode.goingAway) log.info(fields, 'runner left');
    else if (session.state !== 'quarantined') log.warn(fields, 'runner lost');
  }

  #announce(connection: HubConnection, message: string): void {
    const { log, observer } = this.#state.options;
    log.info(logFieldsOf(connection), message);
    observer.runners(this.views());
  }
}

const revoked: Ending = {
  code: closeCode.tokenRevoked,
  reason: 'the join token was revoked',
  blame: false,
};

/** The close reason that runners receive when the gateway stops. */
export const shuttingDown = 'the gateway is shutting down';
