// Joins runners to the fleet: sockets and timers around the session and the scheduler, which decide everything.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { UsageError } from '#core/errors.ts';
import { Fleet, type FailureCause } from '#core/fleet.ts';
import type { Channel } from '#core/ports.ts';
import { Session, type SessionEffect } from '#core/session.ts';
import { closeCode, encodeMessage, subprotocol, textsPerJobMax, wireLimits } from '#core/wire.ts';
import type { JobResult } from '#core/wire-result.ts';
import { refuseOnSocket } from './problem-document.ts';
import { admit } from './runner-hub/access.ts';
import { EmbeddingQueue } from './runner-hub/embedding-queue.ts';
import { socketChannel } from './runner-hub/socket-channel.ts';
import type { FleetStats, RunnerHub, RunnerHubOptions, RunnerState, RunnerView } from './runner-hub/types.ts';

export { defaultHubLimits } from './runner-hub/types.ts';
export type { HubLimits, RunnerHub } from './runner-hub/types.ts';

/** Begins its timer at once; `close` ends it. Throws `UsageError` when the model has more golden texts than fit one job. */
export function createRunnerHub(options: RunnerHubOptions): RunnerHub {
  const { golden: { cases }, identity } = options;
  const most = textsPerJobMax(identity.dimensions);
  if (cases.length > most) throw new UsageError(`The model has ${cases.length} golden texts; at most ${most} fit the one job that checks a runner.`);
  return new Hub(options);
}

type Connection = {
  readonly session: Session;
  readonly channel: Channel;
  readonly trusted: boolean;
  /** UTC ms. */
  readonly connectedAt: number;
  textsEmbedded: number;
};

class Hub implements RunnerHub {
  readonly service: EmbeddingQueue;
  readonly #options: RunnerHubOptions;
  readonly #fleet: Fleet;
  readonly #goldenTexts: readonly string[];
  readonly #connections = new Map<string, Connection>();
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: wireLimits.frameBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  readonly #stopped = new AbortController();
  #quarantined = 0;
  #assigning = false;

  constructor(options: RunnerHubOptions) {
    this.#options = options;
    this.#fleet = new Fleet(options.limits);
    this.#goldenTexts = options.golden.cases.map(({ text }) => text);
    this.service = new EmbeddingQueue(this.#fleet, () => this.#assignSoon());
    // What the handshake itself finds wrong, such as another version of the protocol.
    this.#server.on('wsClientError', (error, socket) => {
      refuseOnSocket(socket, { status: 400, code: 'bad_websocket_request', detail: `${error.message}.` });
    });
    void this.#keepTime();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { tokens, log } = this.#options;
    const admission = admit(request.headers, tokens);
    if (!admission.ok) {
      const requestId = refuseOnSocket(socket, admission);
      return log.warn({ request_id: requestId, code: admission.code, peer: request.socket.remoteAddress }, 'runner refused');
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(socketChannel(webSocket), admission.trusted));
  }

  runners(): readonly RunnerView[] {
    return [...this.#connections.values()].flatMap((connection) => this.#view(connection) ?? []);
  }

  fleetStats(): FleetStats {
    return { ...this.#fleet.stats(), quarantined: this.#quarantined };
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

  async close(): Promise<void> {
    const { clock, limits } = this.#options;
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.service.close();
    for (const connection of this.#connections.values()) {
      this.#apply(connection, connection.session.end(closeCode.goingAway, 'the gateway stops', false));
    }
    const hungUp = [...this.#server.clients].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    const patience = new AbortController();
    await Promise.race([Promise.all(hungUp), clock.sleep(limits.closeMsMax, patience.signal).catch(() => undefined)]);
    patience.abort();
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }

  #open(channel: Channel, trusted: boolean): void {
    const { identity, golden, bounds, limits, clock, log } = this.#options;
    if (this.#stopped.signal.aborted) return channel.close(closeCode.goingAway, 'the gateway stops');
    if (this.#connections.size >= limits.runnersMax) {
      log.warn({ runners_max: limits.runnersMax }, 'runner refused: the fleet is full');
      return channel.close(closeCode.fleetFull, `this gateway takes ${limits.runnersMax} runners`);
    }
    const session = new Session(randomUUID(), { identity, golden, bounds, ...limits, get checkIntervalMs() { return limits.checkIntervalMs; } }, clock.monotonic());
    const connection: Connection = { session, channel, trusted, connectedAt: clock.now(), textsEmbedded: 0 };
    this.#connections.set(session.id, connection);
    channel.listen({
      frame: (frame) => this.#apply(connection, session.receive(frame, clock.monotonic())),
      closed: (code, reason) => {
        const blame = session.closed(code);
        this.#leave(connection, code, reason, blame);
      },
    });
  }

  #apply(connection: Connection, effects: readonly SessionEffect[]): void {
    for (const effect of effects) this.#carryOut(connection, effect);
    if (effects.length > 0) this.#assignSoon();
  }

  #carryOut(connection: Connection, effect: SessionEffect): void {
    const { session, channel } = connection;
    switch (effect.do) {
      case 'send':
        return channel.send(effect.frame);
      case 'join': {
        const { name, textsPerSecond, limits } = effect.hello;
        this.#fleet.join({ id: session.id, name, textsPerSecond, textsPerJobMax: Math.min(limits.textsPerJobMax, textsPerJobMax(effect.hello.dimensions)) });
        return this.#tell(connection, 'runner joined, its vectors are being checked');
      }
      case 'check':
        return this.#fleet.check(session.id, this.#goldenTexts);
      case 'serve':
        this.#fleet.serve(session.id);
        return this.#tell(connection, 'runner ready');
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

  #answer(connection: Connection, { jobId, attempt, outcomes }: JobResult): void {
    const { session } = connection;
    const { clock, log, observer } = this.#options;
    const now = clock.monotonic();
    const answered = this.#fleet.answer(session.id, jobId, attempt, outcomes, now);
    const device = session.hello?.device ?? 'unknown';
    switch (answered.kind) {
      case 'late':
        log.warn({ job_id: jobId, attempt, runner_id: session.id }, 'late answer ignored');
        return observer.lateAnswer();
      case 'miscounted':
        return this.#apply(connection, session.end(closeCode.badMessage, `job ${jobId} has ${answered.texts} texts, its answer ${outcomes.length} outcomes`, true));
      case 'check': {
        const effects = session.checked(answered.outcomes, answered.ms, now, clock.now());
        if (session.lastGoldenCosine !== null) observer.golden(device, session.lastGoldenCosine.mean);
        return this.#apply(connection, effects);
      }
      case 'work':
        session.worked();
        connection.textsEmbedded += answered.embedded;
        observer.job(device, answered.ms / 1000, answered.embedded);
        log.debug({ job_id: jobId, attempt, runner_id: session.id, texts: outcomes.length, ms: answered.ms }, 'job answered');
        this.service.settle(answered.ended, {
          runnerSession: session.id,
          runnerName: session.hello?.name ?? '',
          device,
          dtype: session.hello?.dtype ?? '',
          embeddedAt: clock.now(),
          checkedAt: session.checkedAt,
        });
        return this.#assignSoon();
    }
  }

  /** Once per connection, whichever side ended it. */
  #leave(connection: Connection, code: number, reason: string, blame: boolean): void {
    const { session } = connection;
    const { log, observer } = this.#options;
    if (!this.#connections.delete(session.id)) return;
    const before = this.#fleet.stats().requeued;
    const cause: FailureCause = { code: 'runner_lost', message: `The runner was lost while it had the text (${code}${reason === '' ? '' : `: ${reason}`}).` };
    this.service.settle(this.#fleet.leave(session.id, blame ? cause : null), null);
    const requeued = this.#fleet.stats().requeued - before;
    if (requeued > 0) observer.requeued(requeued);
    const fields = { runner_id: session.id, runner: session.hello?.name, code, reason, requeued_jobs: requeued };
    if (session.state === 'quarantined') {
      this.#quarantined += 1;
      observer.quarantined(session.hello?.device ?? 'unknown');
      log.error(fields, 'runner quarantined: its vectors are wrong');
    } else if (code === closeCode.done || code === closeCode.goingAway) {
      log.info(fields, 'runner left');
    } else {
      log.warn(fields, 'runner lost');
    }
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
    for (const { runner, ...job } of this.#fleet.assign(clock.monotonic())) {
      log.debug({ job_id: job.jobId, attempt: job.attempt, runner_id: runner, texts: job.texts.length }, 'job assigned');
      this.#connections.get(runner)?.channel.send(encodeMessage({ type: 'job-assign', ...job, texts: [...job.texts] }));
    }
  }

  /** The one timer: heartbeats, deadlines, checks that are due, networks that do not take what is sent. */
  async #keepTime(): Promise<void> {
    const { clock, limits } = this.#options;
    const { signal } = this.#stopped;
    while (await clock.sleep(limits.tickMs, signal).then(() => true, () => false)) {
      const now = clock.monotonic();
      for (const id of this.#fleet.expired(now)) this.#endLate(id, 'a job is past its deadline');
      for (const connection of this.#connections.values()) {
        const { session, channel } = connection;
        if (channel.bufferedAmount() > limits.bufferedBytesMax) this.#endLate(session.id, 'its network takes no more');
        else this.#apply(connection, session.tick(now, this.#fleet.jobsInWork(session.id) > 0));
      }
    }
  }

  #endLate(id: string, reason: string): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) this.#apply(connection, connection.session.end(closeCode.timeout, reason, true));
  }

  #tell(connection: Connection, message: string): void {
    const { session, trusted } = connection;
    const { name, kind, device, dtype, adapter } = session.hello ?? {};
    const cosine = session.lastGoldenCosine;
    this.#options.log.info({ runner_id: session.id, runner: name, kind, device, dtype, adapter, trusted, ...(cosine !== null && { cosine }) }, message);
    this.#options.observer.runners(this.runners());
  }

  #view({ session, trusted, connectedAt, textsEmbedded }: Connection): RunnerView | null {
    const { hello } = session;
    if (hello === null) return null;
    const { name, kind, device, dtype, adapter, softwareAdapter } = hello;
    const states: Readonly<Record<string, RunnerState>> = { ready: 'ready', draining: 'draining' };
    return {
      id: session.id, name, kind, device, dtype, adapter, softwareAdapter, trusted, connectedAt, textsEmbedded,
      state: states[session.state] ?? 'joining',
      textsPerSecond: this.#fleet.textsPerSecond(session.id),
      jobsInWork: this.#fleet.jobsInWork(session.id),
      lastGoldenCosine: session.lastGoldenCosine?.mean ?? null,
    };
  }
}
