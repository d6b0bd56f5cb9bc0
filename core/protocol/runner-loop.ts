// A runner's side of one connection: greets, embeds job after job, shows life, and never goes on
// with a model that failed.

import { Fifo } from '#core/collections/fifo.ts';
import { VectorStreamError } from '#core/errors/errors.ts';
import type { Channel, Clock, EmbedOutcome, Embedder } from '#core/ports.ts';
import type { Turn } from '#core/time/fair-queue.ts';
import { vectorProblem } from '#core/vectors/vector.ts';
import { encodeJobResult } from './job-result-frame.ts';
import {
  clip,
  closeCode,
  encodeMessage,
  parseGatewayMessage,
  ProtocolError,
  protocolVersion,
  textsPerJobMax,
  type GatewayMessage,
  type JobAssign,
  type RunnerHello,
} from './wire.ts';

/**
 * The model session can no longer be trusted. The process or worker must end; `cause` is what it
 * threw.
 */
export class RunnerFailedError extends VectorStreamError {
  override readonly name = 'RunnerFailedError';
  readonly code = 'runner_failed';
  readonly retryable = true;
}

export type RunnerLog = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
};

export type RunnerLoopOptions = {
  readonly channel: Channel;
  readonly embedder: Embedder;
  /** Among the loops that share the embedder. */
  readonly turn: Turn;
  readonly clock: Clock;
  readonly name: string;
  readonly kind: RunnerHello['kind'];
  /** When it aborts: finish what is in hand, close with 1000, resolve. */
  readonly drain: AbortSignal;
  readonly log: RunnerLog;
};

/** How the connection ended. `welcomed`: the gateway accepted the greeting. */
export type ConnectionEnd = {
  readonly code: number;
  readonly reason: string;
  readonly welcomed: boolean;
};

/** A gateway may queue a job, the next one and a check; many more than that is not this protocol. */
const jobsWaitingMax = 8;
/** Heartbeats of our own during which nothing came from the gateway, after which it is gone. */
const silentHeartbeatsMax = 3;
/** How long a greeting, a close or the last frames may take. */
const patienceMs = 10_000;
const flushMsMax = 1_000;

/**
 * Serves one gateway until the connection ends, whoever ends it. Rejects with `RunnerFailedError`
 * when the embedder threw or answered with a vector that is not real; the gateway has been told by
 * then.
 */
export async function runRunnerLoop(options: RunnerLoopOptions): Promise<ConnectionEnd> {
  return new RunnerLoop(options).run();
}

type Waiting = { readonly job: JobAssign; readonly arrivedAt: number };

class RunnerLoop {
  readonly #options: RunnerLoopOptions;
  readonly #jobs = new Fifo<Waiting>();
  readonly #ended = new AbortController();
  #end: ConnectionEnd | null = null;
  #welcomed = false;
  #draining = false;
  #silentHeartbeats = 0;
  /** Told by the welcome. */
  readonly #heartbeatMs = Promise.withResolvers<number>();
  /** Wakes the loop when a job came, draining began or the connection ended. */
  #wake = Promise.withResolvers<void>();

  constructor(options: RunnerLoopOptions) {
    this.#options = options;
  }

  async run(): Promise<ConnectionEnd> {
    const { channel, drain } = this.#options;
    const onDrain = () => this.#drain('the runner stops', true);
    drain.addEventListener('abort', onDrain);
    try {
      channel.listen({
        frame: (frame) => this.#receive(frame),
        closed: (code, reason) => this.#finish(code, reason),
      });
      this.#greet();
      if (drain.aborted) onDrain();
      const life = this.#showLife();
      await this.#work();
      await life;
      return this.#end ?? { code: 1006, reason: '', welcomed: this.#welcomed };
    } finally {
      drain.removeEventListener('abort', onDrain);
      this.#ended.abort();
    }
  }

  #greet(): void {
    const {
      channel,
      embedder: { info },
      name,
      kind,
    } = this.#options;
    channel.send(
      encodeMessage({
        type: 'runner-hello',
        protocol: protocolVersion,
        name: clip(name, 100),
        kind,
        device: info.device,
        adapter: clip(info.adapter, 200),
        softwareAdapter: info.softwareAdapter,
        dtype: info.dtype,
        modelId: info.modelId,
        modelRevision: info.modelRevision,
        dimensions: info.dimensions,
        textsPerSecond: info.textsPerSecond,
        limits: { textsPerJobMax: textsPerJobMax(info.dimensions) },
      }),
    );
  }

  #receive(frame: string | Uint8Array): void {
    if (this.#end !== null) return;
    this.#silentHeartbeats = 0;
    try {
      if (typeof frame !== 'string')
        throw new ProtocolError('A gateway sends text frames only; this one is binary.');
      this.#handle(parseGatewayMessage(frame));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#close(error.closeCode, error.message);
    }
  }

  #handle(message: GatewayMessage): void {
    if (message.type === 'runner-welcome') {
      if (this.#welcomed) throw new ProtocolError('A second runner-welcome on one connection.');
      this.#welcomed = true;
      this.#heartbeatMs.resolve(message.heartbeatMs);
      this.#options.log.info({ runner_id: message.sessionId }, 'joined the gateway');
      return;
    }
    if (!this.#welcomed) throw new ProtocolError(`${message.type} before runner-welcome.`);
    if (message.type === 'runner-drain') this.#drain(message.reason, false);
    if (message.type !== 'job-assign') return;
    if (this.#jobs.size >= jobsWaitingMax)
      throw new ProtocolError(`More than ${jobsWaitingMax} jobs are waiting.`);
    this.#jobs.push({ job: message, arrivedAt: this.#options.clock.monotonic() });
    this.#wake.resolve();
  }

  #drain(reason: string, announce: boolean): void {
    if (this.#draining || this.#end !== null) return;
    this.#draining = true;
    this.#options.log.info({ reason }, 'draining: finishing what is in hand');
    if (announce && this.#welcomed)
      this.#options.channel.send(encodeMessage({ type: 'runner-drain', reason }));
    this.#wake.resolve();
  }

  /** Job after job, in the order they came, until the connection ends or nothing is left to drain. */
  async #work(): Promise<void> {
    while (this.#end === null) {
      const next = this.#jobs.take();
      if (next !== undefined) {
        await this.#options.turn.during(() => this.#perform(next));
      } else if (this.#draining) {
        return this.#leave(closeCode.done, 'drained');
      } else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    }
  }

  async #perform({ job, arrivedAt }: Waiting): Promise<void> {
    const { channel, clock, log } = this.#options;
    // While it waited for its turn, the connection may have ended.
    if (this.#end !== null) return;
    const startedAt = clock.monotonic();
    const outcomes = await this.#embed(job);
    if (this.#end !== null) return;
    const { jobId, attempt, texts } = job;
    const timings = { queuedMs: startedAt - arrivedAt, embedMs: clock.monotonic() - startedAt };
    channel.send(encodeJobResult({ jobId, attempt, outcomes, timings }));
    log.debug({ job_id: jobId, attempt, texts: texts.length, ms: timings.embedMs }, 'job done');
    await this.#flush();
  }

  /** Throws after the gateway has been told, so that it does not wait for a deadline. */
  async #embed(job: JobAssign): Promise<readonly EmbedOutcome[]> {
    const { channel, embedder } = this.#options;
    try {
      const outcomes = await embedder.embed(job.texts);
      if (outcomes.length !== job.texts.length) {
        throw new Error(
          `The embedder answered ${outcomes.length} outcomes for ${job.texts.length} texts.`,
        );
      }
      for (const outcome of outcomes) {
        const problem = outcome.ok ? vectorProblem(outcome.vector, embedder.info.dimensions) : null;
        if (problem !== null)
          throw new Error(`The embedder made a vector that is not real: ${problem}.`);
      }
      return outcomes;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      channel.send(
        encodeMessage({
          type: 'runner-error',
          code: 'embedder_failed',
          message: clip(message, 1000),
          retryable: true,
        }),
      );
      await this.#leave(closeCode.runnerFailed, 'the model session failed');
      throw new RunnerFailedError(
        `The model session failed and must not be used again: ${message}`,
        { cause },
      );
    }
  }

  /**
   * Lets the answer leave, and new jobs arrive, before inference blocks the event loop again: a
   * browser or Node hands bytes to the network only between tasks.
   */
  async #flush(): Promise<void> {
    const { channel, clock } = this.#options;
    const until = clock.monotonic() + flushMsMax;
    await clock.sleep(0);
    while (this.#end === null && channel.bufferedAmount() > 0 && clock.monotonic() < until)
      await clock.sleep(1);
  }

  /** Heartbeats out; notices a gateway that never answers or fell silent. Ends with the connection. */
  async #showLife(): Promise<void> {
    const { channel, clock } = this.#options;
    const signal = this.#ended.signal;
    try {
      const heartbeatMs = await Promise.race([
        this.#heartbeatMs.promise,
        clock.sleep(patienceMs, signal).then(() => null),
      ]);
      if (heartbeatMs === null) return this.#close(closeCode.timeout, 'no welcome came');
      while (!signal.aborted) {
        await clock.sleep(heartbeatMs, signal);
        // Counted in beats, not in time: after a long inference the frames that had arrived are
        // read before the next beat.
        if (this.#silentHeartbeats++ >= silentHeartbeatsMax)
          return this.#close(closeCode.timeout, 'the gateway is silent');
        channel.send(encodeMessage({ type: 'runner-heartbeat' }));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Closes, and waits a bounded while for the other end, so that what was sent before arrives. */
  async #leave(code: number, reason: string): Promise<void> {
    const { channel, clock } = this.#options;
    if (this.#end !== null) return;
    channel.close(code, reason);
    await clock.sleep(patienceMs, this.#ended.signal).catch(() => undefined);
    this.#finish(code, reason);
  }

  /** For a peer that is wrong or gone: closes and does not wait for it. */
  #close(code: number, reason: string): void {
    this.#options.channel.close(code, reason);
    this.#finish(code, reason);
  }

  #finish(code: number, reason: string): void {
    if (this.#end !== null) return;
    this.#end = { code, reason, welcomed: this.#welcomed };
    this.#ended.abort();
    this.#wake.resolve();
  }
}
