// Joins runners to the fleet: sockets and timers around the session and the scheduler, which decide
// everything.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { UsageError } from '#core/errors/errors.ts';
import { nothingMixedIn } from '#core/fleet/fleet-job.ts';
import { Fleet, type FailureCause } from '#core/fleet/fleet.ts';
import { GatewaySession, type SessionEffect } from '#core/protocol/gateway-session.ts';
import type { JobResult } from '#core/protocol/job-result-frame.ts';
import {
  closeCode,
  encodeMessage,
  subprotocol,
  textsPerJobMax,
  wireLimits,
} from '#core/protocol/wire.ts';
import { admit } from '../access/runner-admission.ts';
import { refuseOnSocket } from '../http/problem-document.ts';
import { EmbeddingQueue } from './embedding-queue.ts';
import { provenanceOf, viewOf, type HubConnection } from './hub-connection.ts';
import type { FleetStats, RunnerHub, RunnerHubOptions, RunnerView } from './hub-types.ts';
import { JoinTokenLimits } from './join-token-limits.ts';
import type { Identity } from './runner-identity.ts';
import { RunnerTrust } from './runner-trust.ts';
import { socketChannel } from './socket-channel.ts';

export { defaultHubLimits } from './hub-types.ts';
export type { HubLimits, RunnerHub } from './hub-types.ts';

/**
 * Begins its timer at once; `close` ends it. Throws `UsageError` when the model has more golden
 * texts than fit one job.
 */
export function createRunnerHub(options: RunnerHubOptions): RunnerHub {
  const {
    golden: { cases },
    identity,
  } = options;
  const most = textsPerJobMax(identity.dimensions);
  if (cases.length > most)
    throw new UsageError(
      `The model has ${cases.length} golden texts; at most ${most} fit the one job that checks a runner.`,
    );
  return new Hub(options);
}

class Hub implements RunnerHub {
  readonly service: EmbeddingQueue;
  readonly #options: RunnerHubOptions;
  readonly #fleet: Fleet;
  readonly #goldenTexts: readonly string[];
  readonly #connections = new Map<string, HubConnection>();
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: wireLimits.frameBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  readonly #stopped = new AbortController();
  readonly #trust: RunnerTrust;
  readonly #joinLimits = new JoinTokenLimits(this.#connections);
  #assigning = false;
  /**
   * UTC ms of the last answer: what is stored with vectors never goes back, whatever the wall clock
   * does.
   */
  #stamp = 0;

  constructor(options: RunnerHubOptions) {
    this.#options = options;
    this.#fleet = new Fleet(options.limits, options.expectsTrusted);
    this.#goldenTexts = options.golden.cases.map(({ text }) => text);
    this.service = new EmbeddingQueue(this.#fleet, () => this.#assignSoon());
    this.#trust = new RunnerTrust(options, {
      fleet: this.#fleet,
      service: this.service,
      connections: this.#connections,
      signal: this.#stopped.signal,
      expel: (connection, reason) => this.#apply(connection, connection.session.quarantine(reason)),
    });
    // What the handshake itself finds wrong, such as another version of the protocol.
    this.#server.on('wsClientError', (error, socket) => {
      refuseOnSocket(socket, {
        status: 400,
        code: 'bad_websocket_request',
        detail: `${error.message}.`,
      });
    });
    void this.#keepTime();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { tokens, log } = this.#options;
    const admission = admit(request.headers, tokens);
    if (!admission.ok) {
      const requestId = refuseOnSocket(socket, admission);
      return log.warn(
        { request_id: requestId, code: admission.code, peer: request.socket.remoteAddress },
        'runner refused',
      );
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      this.accept(socketChannel(webSocket), {
        ...admission,
        address: this.#options.addressOf(request),
      }),
    );
  }

  runners(): readonly RunnerView[] {
    return [
      ...[...this.#connections.values()].flatMap(
        (connection) => viewOf(connection, this.#fleet) ?? [],
      ),
      ...this.#trust.quarantined.views(),
    ];
  }

  fleetStats(): FleetStats {
    return { ...this.#fleet.stats(), quarantined: this.#trust.quarantined.count };
  }

  drain(id: string): boolean {
    const connection = this.#connections.get(id);
    if (connection === undefined) return false;
    this.#apply(connection, connection.session.drain('asked to drain'));
    return true;
  }

  remove(id: string): boolean {
    const connection = this.#connections.get(id);
    if (connection === undefined) return false;
    this.#apply(connection, connection.session.end(closeCode.done, 'removed', false));
    return true;
  }

  revoke(tokenId: string): void {
    for (const connection of this.#joinLimits.of(tokenId))
      this.#apply(
        connection,
        connection.session.end(closeCode.tokenRevoked, 'the join token was revoked', false),
      );
  }

  async close(): Promise<void> {
    const { clock, limits } = this.#options;
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.service.close();
    for (const connection of this.#connections.values()) {
      this.#apply(
        connection,
        connection.session.end(closeCode.goingAway, 'the gateway stops', false),
      );
    }
    const hungUp = [...this.#server.clients].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    );
    const patience = new AbortController();
    await Promise.race([
      Promise.all(hungUp),
      clock.sleep(limits.closeMsMax, patience.signal).catch(() => undefined),
    ]);
    patience.abort();
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }

  accept(channel: HubConnection['channel'], identity: Identity): void {
    const { identity: model, golden, bounds, limits, clock } = this.#options;
    if (this.#stopped.signal.aborted)
      return channel.close(closeCode.goingAway, 'the gateway stops');
    const full = this.#full(identity);
    if (full !== null) return channel.close(closeCode.notNow, full);
    const refusal = ({ name }: { readonly name: string }) =>
      this.#trust.quarantined.refusal(identity, name);
    const session = new GatewaySession(
      randomUUID(),
      { identity: model, golden, bounds, refusal, ...limits },
      clock.monotonic(),
    );
    const connection: HubConnection = {
      session,
      channel,
      identity,
      connectedAt: clock.now(),
      checks: null,
      textsEmbedded: 0,
      verifiedUntil: 0,
    };
    this.#connections.set(session.id, connection);
    channel.listen({
      frame: (frame) => this.#apply(connection, session.receive(frame, clock.monotonic())),
      closed: (code, reason) => {
        const blame = session.closed(code);
        this.#leave(connection, code, reason, blame);
      },
    });
  }

  /** Why no such runner may connect now. */
  #full({ token }: Identity): string | null {
    const {
      limits: { runnersMax },
      log,
    } = this.#options;
    const full = this.#joinLimits.isFull(token)
      ? `this join token takes ${token?.runnersMax} runners at once`
      : this.#connections.size >= runnersMax
        ? `this gateway takes ${runnersMax} runners`
        : null;
    if (full !== null) log.warn({ join_token: token?.id }, `runner refused: ${full}`);
    return full;
  }

  #apply(connection: HubConnection, effects: readonly SessionEffect[]): void {
    for (const effect of effects) this.#carryOut(connection, effect);
    if (effects.length > 0) this.#assignSoon();
  }

  #carryOut(connection: HubConnection, effect: SessionEffect): void {
    const { session, channel } = connection;
    switch (effect.do) {
      case 'send':
        return channel.send(effect.frame);
      case 'join': {
        const { name, textsPerSecond, limits, dimensions } = effect.hello;
        const { identity } = connection;
        this.#fleet.join({
          id: session.id,
          name,
          textsPerSecond,
          trusted: identity.trusted,
          limit: this.#joinLimits.rate(identity.token),
          textsPerJobMax: Math.min(limits.textsPerJobMax, textsPerJobMax(dimensions)),
        });
        return this.#tell(connection, 'runner joined, its vectors are being checked');
      }
      case 'check':
        return this.#fleet.check(session.id, { texts: this.#goldenTexts, canaries: new Map() });
      case 'serve':
        return void this.#serve(connection);
      case 'drain':
        this.#fleet.drain(session.id);
        return this.#tell(connection, 'runner drains');
      case 'answer':
        return this.#answer(connection, effect.result);
      case 'close':
        channel.close(effect.code, effect.reason);
        return this.#leave(connection, effect.code, effect.reason, effect.blame);
    }
  }

  async #serve(connection: HubConnection): Promise<void> {
    if (!(await this.#trust.begin(connection))) return;
    this.#fleet.serve(connection.session.id);
    this.#tell(connection, 'runner ready');
    this.#assignSoon();
  }

  #answer(connection: HubConnection, { jobId, attempt, outcomes }: JobResult): void {
    const { session } = connection;
    const { clock, log, observer } = this.#options;
    const now = clock.monotonic();
    const embeddedAt = (this.#stamp = Math.max(this.#stamp, clock.now()));
    const device = session.hello?.device ?? 'unknown';
    const wrong = this.#trust.judge(
      connection,
      this.#fleet.job(session.id, jobId, attempt),
      outcomes,
      embeddedAt,
    );
    // The job is still the runner's: nothing of it is used, and it goes to another.
    if (wrong !== null) return this.#apply(connection, session.quarantine(wrong));
    const answered = this.#fleet.answer(session.id, jobId, attempt, outcomes, now);
    switch (answered.kind) {
      case 'late':
        log.warn({ job_id: jobId, attempt, runner_id: session.id }, 'late answer ignored');
        return observer.lateAnswer();
      case 'miscounted':
        return this.#apply(
          connection,
          session.end(
            closeCode.badMessage,
            `job ${jobId} has ${answered.texts} texts, its answer ${outcomes.length} outcomes`,
            true,
          ),
        );
      case 'check': {
        // A canary by itself: it was judged above.
        if (session.state !== 'checking')
          return this.#trust.worked(connection, [], embeddedAt, now);
        const effects = session.checked(answered.outcomes, embeddedAt);
        if (session.lastGoldenCosine !== null)
          observer.golden(device, session.lastGoldenCosine.mean);
        return this.#apply(connection, effects);
      }
      case 'work': {
        const provenance = provenanceOf(connection, embeddedAt);
        connection.textsEmbedded += answered.embedded.length;
        observer.job(device, answered.ms / 1000, answered.embedded.length);
        log.debug(
          {
            job_id: jobId,
            attempt,
            runner_id: session.id,
            texts: outcomes.length,
            ms: answered.ms,
          },
          'job answered',
        );
        this.service.settle(answered.ended, provenance);
        this.#trust.worked(connection, answered.embedded, embeddedAt, now);
        return this.#assignSoon();
      }
    }
  }

  /** Once per connection, whichever side ended it. */
  #leave(connection: HubConnection, code: number, reason: string, blame: boolean): void {
    const { session } = connection;
    const { log, observer } = this.#options;
    if (!this.#connections.delete(session.id)) return;
    const before = this.#fleet.stats().requeued;
    const cause: FailureCause = {
      code: 'runner_lost',
      message: `The runner was lost while it had the text (${code}${reason === '' ? '' : `: ${reason}`}).`,
    };
    this.service.settle(this.#fleet.leave(session.id, blame ? cause : null), null);
    const requeued = this.#fleet.stats().requeued - before;
    if (requeued > 0) observer.requeued(requeued);
    const fields = {
      runner_id: session.id,
      runner: session.hello?.name,
      code,
      reason,
      requeued_jobs: requeued,
    };
    if (code === closeCode.done || code === closeCode.goingAway) log.info(fields, 'runner left');
    else if (session.state !== 'quarantined') log.warn(fields, 'runner lost');
    this.#trust.left(connection, reason);
    this.#joinLimits.left(connection.identity.token);
    observer.runners(this.runners());
    this.#assignSoon();
  }

  /** What is submitted in one go is assigned in one go, as full jobs. */
  #assignSoon(): void {
    if (this.#assigning || this.#stopped.signal.aborted) return;
    this.#assigning = true;
    setImmediate(() => {
      this.#assigning = false;
      this.#assign();
    });
  }

  #assign(): void {
    const { clock, log } = this.#options;
    const assignments = this.#fleet.assign(
      clock.monotonic(),
      (runner, job) =>
        this.#connections.get(runner)?.checks?.mixIn(job) ?? nothingMixedIn(runner, job),
    );
    for (const { runner, ...job } of assignments) {
      log.debug(
        { job_id: job.jobId, attempt: job.attempt, runner_id: runner, texts: job.texts.length },
        'job assigned',
      );
      this.#connections
        .get(runner)
        ?.channel.send(encodeMessage({ type: 'job-assign', ...job, texts: [...job.texts] }));
    }
  }

  /**
   * The one timer: heartbeats, deadlines, checks that are due, networks that do not take what is
   * sent.
   */
  async #keepTime(): Promise<void> {
    const { clock, limits } = this.#options;
    const { signal } = this.#stopped;
    while (
      await clock.sleep(limits.tickMs, signal).then(
        () => true,
        () => false,
      )
    ) {
      const now = clock.monotonic();
      for (const id of this.#fleet.expired(now)) this.#endLate(id, 'a job is past its deadline');
      for (const connection of this.#connections.values()) {
        const { session, channel } = connection;
        if (channel.bufferedAmount() > limits.bufferedBytesMax)
          this.#endLate(session.id, 'its network takes no more');
        else this.#apply(connection, session.tick(now, this.#fleet.jobsInWork(session.id) > 0));
        this.#trust.tick(connection, now);
      }
      // Whoever must rest between jobs may be rested; a canary may be due.
      this.#assignSoon();
    }
  }

  #endLate(id: string, reason: string): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined)
      this.#apply(connection, connection.session.end(closeCode.timeout, reason, true));
  }

  #tell({ session, identity }: HubConnection, message: string): void {
    const { name, kind, device, dtype, adapter } = session.hello ?? {};
    const cosine = session.lastGoldenCosine;
    this.#options.log.info(
      {
        runner_id: session.id,
        runner: name,
        kind,
        device,
        dtype,
        adapter,
        trusted: identity.trusted,
        join_token: identity.token?.id,
        ...(cosine !== null && { cosine }),
      },
      message,
    );
    this.#options.observer.runners(this.runners());
  }
}
