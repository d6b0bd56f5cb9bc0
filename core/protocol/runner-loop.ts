// A runner's side of one connection: greets the gateway, embeds one job after another, sends
// heartbeats, and never continues with a model that failed.

import { Fifo } from '#core/collections/fifo.ts';
import { VectorStreamError } from '#core/errors/errors.ts';
import type { Channel, Clock, EmbedOutcome, Embedder } from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import type { Turn } from '#core/time/fair-queue.ts';
import { rest } from '#core/time/rest.ts';
import { checkedEmbed } from './checked-embed.ts';
import { encodeJobResult } from './job-result-frame.ts';
import { programVersion } from './program-version.ts';
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

/** The model session failed with `cause` and must not be used again: the process or worker ends. */
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
  /** This loop's turn among those that share the embedder. */
  readonly turn: Turn;
  readonly clock: Clock;
  readonly name: string;
  readonly kind: RunnerHello['kind'];
  /** When it aborts, the loop finishes its jobs, closes with 1000 and resolves. */
  readonly drain: AbortSignal;
  readonly log: RunnerLog;
};

/** How the connection ended. `welcomed`: the gateway accepted the greeting. */
export type ConnectionEnd = {
  readonly code: number;
  readonly reason: string;
  readonly welcomed: boolean;
};

/** A gateway may queue a job, the next one and a check; many more break the protocol. */
const jobsWaitingMax = 8;
/** The gateway counts as gone after this many own heartbeats without a frame from it. */
const silentHeartbeatsMax = 3;
/** How long the welcome may take, and the end of the connection after a close. */
const answerMsMax = 10_000;
const flushMsMax = 1_000;

/**
 * Serves one gateway until either side ends the connection. Rejects with `RunnerFailedError` when
 * the embedder threw or gave an invalid vector; the gateway has received a `runner-error` by then.
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
  /** The channel was closed from this side, so nothing more is sent over it. */
  #hasClosed = false;
  #silentHeartbeats = 0;
  /** The interval that the welcome names; `null` when the connection ends before that. */
  readonly #heartbeatMs = Promise.withResolvers<number | null>();
  /** Wakes the loop when a job arrives, draining begins or the connection ends. */
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
      const heartbeats = this.#sendHeartbeats();
      await this.#work();
      await heartbeats;
      return this.#end ?? { code: 1006, reason: '', welcomed: this.#welcomed };
    } finally {
      drain.removeEventListener('abort', onDrain);
      this.#ended.abort();
    }
  }

  #greet(): void {
    const { channel, embedder, name, kind } = this.#options;
    const { info } = embedder;
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
        version: programVersion,
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
    this.#options.log.info({ reason }, 'draining: finishing the jobs in flight');
    if (announce && this.#welcomed) this.#send(encodeMessage({ type: 'runner-drain', reason }));
    this.#wake.resolve();
  }

  /** Works on jobs in order of arrival until the connection ends or the runner is drained. */
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
    const { clock, log } = this.#options;
    // The connection may have ended while the job waited for its turn.
    if (this.#end !== null) return;
    const startedAt = clock.monotonic();
    const outcomes = await this.#embed(job);
    if (this.#end !== null) return;
    const { jobId, attempt, texts } = job;
    const timings = { queuedMs: startedAt - arrivedAt, embedMs: clock.monotonic() - startedAt };
    this.#send(encodeJobResult({ jobId, attempt, outcomes, timings }));
    log.debug({ job_id: jobId, attempt, texts: texts.length, ms: timings.embedMs }, 'job done');
    await this.#flush();
  }

  /**
   * Embeds a job's texts. On a failure it sends a `runner-error` before it throws, so that the
   * gateway does not wait for the job's deadline.
   */
  async #embed(job: JobAssign): Promise<readonly EmbedOutcome[]> {
    const { embedder } = this.#options;
    try {
      return await checkedEmbed(embedder, job.texts);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      this.#send(
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
   * Lets the answer leave and new jobs arrive before inference blocks the event loop again:
   * browsers and Node pass bytes to the network only between tasks.
   */
  async #flush(): Promise<void> {
    const { channel, clock } = this.#options;
    const until = clock.monotonic() + flushMsMax;
    await clock.sleep(0);
    while (this.#end === null && channel.bufferedAmount() > 0 && clock.monotonic() < until)
      await clock.sleep(1);
  }

  /**
   * Sends heartbeats until the connection ends. Closes it when the gateway does not welcome the
   * runner in time, or falls silent.
   */
  async #sendHeartbeats(): Promise<void> {
    const { clock } = this.#options;
    const heartbeatMs = await within(this.#heartbeatMs.promise, {
      ms: answerMsMax,
      clock,
      late: () => 'late' as const,
    });
    if (heartbeatMs === null) return;
    if (heartbeatMs === 'late') return this.#close(closeCode.timeout, 'no welcome in time');
    while (await rest(clock, heartbeatMs, this.#ended.signal)) {
      // Counted in heartbeats, not in time: after a long inference, the frames that have arrived
      // are read before the next heartbeat.
      if (this.#silentHeartbeats++ >= silentHeartbeatsMax)
        return this.#close(closeCode.timeout, 'the gateway is silent');
      this.#send(encodeMessage({ type: 'runner-heartbeat' }));
    }
  }

  /** Drops a frame that comes after the connection has ended. */
  #send(frame: string | Uint8Array): void {
    if (!this.#hasClosed && this.#end === null) this.#options.channel.send(frame);
  }

  /** Closes, and waits a bounded time for the other end, so that frames sent before arrive. */
  async #leave(code: number, reason: string): Promise<void> {
    const { channel, clock } = this.#options;
    if (this.#end !== null) return;
    this.#hasClosed = true;
    channel.close(code, reason);
    await rest(clock, answerMsMax, this.#ended.signal);
    this.#finish(code, reason);
  }

  /** Closes without waiting for a gateway that is wrong or gone. */
  #close(code: number, reason: string): void {
    this.#hasClosed = true;
    this.#options.channel.close(code, reason);
    this.#finish(code, reason);
  }

  #finish(code: number, reason: string): void {
    if (this.#end !== null) return;
    this.#end = { code, reason, welcomed: this.#welcomed };
    this.#heartbeatMs.resolve(null);
    this.#ended.abort();
    this.#wake.resolve();
  }
}
