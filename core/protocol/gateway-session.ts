// The gateway's side of one connection as a state machine: who the runner is, whether its vectors
// are correct, and whether it is alive.

import { assert } from '#core/errors/assert.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import { admissionOf } from '#core/trust/admission.ts';
import { boundsOf } from '#core/trust/agreement.ts';
import type { GoldenBounds, GoldenCase } from '#core/trust/golden.ts';
import {
  goldenOf,
  greetingProblem,
  hasOlderTokenizer,
  olderGoldenTexts,
  type ModelIdentity,
} from './greeting-check.ts';
import { decodeJobResult, type JobResult } from './job-result-frame.ts';
import {
  closeCode,
  encodeMessage,
  parseRunnerMessage,
  ProtocolError,
  protocolVersion,
  textsPerJobMax,
  wireLimits,
  type RunnerHello,
} from './wire.ts';

export type GatewaySessionOptions = {
  readonly identity: ModelIdentity;
  readonly golden: { readonly cases: readonly GoldenCase[] };
  /** Bounds by dtype; a dtype that is not here gets the bounds of `fp32`. */
  readonly bounds: Readonly<Record<string, GoldenBounds>>;
  readonly helloTimeoutMs: number;
  readonly heartbeatMs: number;
  /** Why this runner may not join now, such as a quarantine; `null` when it may. */
  readonly refusal: (hello: RunnerHello) => string | null;
  /** How long a draining runner without a job may take to close the connection, in ms. */
  readonly drainGraceMs: number;
};

export type SessionState =
  | 'greeting'
  | 'checking'
  | 'ready'
  | 'draining'
  | 'closed'
  | 'quarantined';

/** What the caller must do, in order. */
export type SessionEffect =
  | { readonly do: 'send'; readonly frame: string }
  /** The runner has joined: the fleet may check it. */
  | { readonly do: 'join'; readonly hello: RunnerHello }
  /** Make the golden texts its next job, and pass the answer to `checked`. */
  | { readonly do: 'check' }
  /** Its vectors are correct: the fleet may give it work. */
  | { readonly do: 'serve' }
  | { readonly do: 'answer'; readonly result: JobResult }
  /** No more jobs for it. */
  | { readonly do: 'drain' }
  /** The last effect of a session. `blame`: the job in work may be the cause. */
  | {
      readonly do: 'close';
      readonly code: number;
      readonly reason: string;
      readonly blame: boolean;
    };

const missedHeartbeatsMax = 2;
/** A runner sends one for each of the gateway's. */
const heartbeatsMax = 100;

/**
 * Takes frames and the time (`now`: monotonic ms; `utc`: UTC ms), and returns effects. After a
 * `close` it returns none.
 */
export class GatewaySession {
  readonly id: string;
  readonly #options: GatewaySessionOptions;
  readonly #openedAt: number;
  #state: SessionState = 'greeting';
  #hello: RunnerHello | null = null;
  #seenAt: number;
  #beatAt: number;
  /** Heartbeats of the runner since the gateway's last one. */
  #heartbeats = 0;
  #checkedAt = 0;
  /** Monotonic ms since when it drains with no job in work. */
  #drainedAt: number | null = null;
  #cosine: { readonly mean: number; readonly min: number } | null = null;

  constructor(id: string, options: GatewaySessionOptions, now: number) {
    this.id = id;
    this.#options = options;
    this.#openedAt = now;
    this.#seenAt = now;
    this.#beatAt = now;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** `null` until the runner has sent its greeting. */
  get hello(): RunnerHello | null {
    return this.#hello;
  }

  /** UTC ms of the admission check; 0 until the runner has passed it. */
  get checkedAt(): number {
    return this.#checkedAt;
  }

  /** Cosine to the reference in the last golden check, whether it passed or not. */
  get lastGoldenCosine(): { readonly mean: number; readonly min: number } | null {
    return this.#cosine;
  }

  /** The golden texts that check this runner. */
  get golden(): readonly GoldenCase[] {
    const { identity, golden } = this.#options;
    return goldenOf(this.#hello, identity, golden.cases);
  }

  /** It must not embed the texts of `hasOtherIds`. */
  get hasOlderTokenizer(): boolean {
    return hasOlderTokenizer(this.#hello, this.#options.identity);
  }

  receive(frame: string | Uint8Array, now: number): readonly SessionEffect[] {
    if (this.#ended()) return [];
    this.#seenAt = now;
    try {
      return typeof frame === 'string' ? this.#message(frame, now) : this.#result(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.end(error.closeCode, error.message, true);
    }
  }

  /** The answer to a `check`, one outcome per golden text. */
  checked(outcomes: readonly EmbedOutcome[], utc: number): readonly SessionEffect[] {
    if (this.#ended()) return [];
    const { bounds, identity } = this.#options;
    const { is, reason, cosine } = admissionOf(outcomes, {
      cases: this.golden,
      bounds: boundsOf(bounds, this.#hello?.dtype ?? ''),
      olderTexts: olderGoldenTexts(identity),
    });
    if (is === 'older') return this.end(closeCode.modelMismatch, reason, false);
    this.#cosine = cosine;
    if (is === 'wrong') return this.quarantine(reason);
    this.#checkedAt = utc;
    if (this.#state !== 'checking') return [];
    this.#state = 'ready';
    return [{ do: 'serve' }];
  }

  /** A round of canaries in its jobs is complete, and all were correct. */
  provedRight({ mean, min }: { readonly mean: number; readonly min: number }): void {
    this.#cosine = { mean, min };
  }

  /** The runner was found wrong: it gets no more work. The text that it has is not blamed. */
  quarantine(reason: string): readonly SessionEffect[] {
    return this.#ended() ? [] : this.#close('quarantined', closeCode.quarantined, reason, false);
  }

  /** Does the same as `quarantine` when the connection has already ended. */
  foundWrong(): void {
    this.#state = 'quarantined';
  }

  /**
   * Call it regularly. `busy`: the runner has a job in work, so it may be silent until that job's
   * deadline.
   */
  tick(now: number, busy: boolean): readonly SessionEffect[] {
    if (this.#ended()) return [];
    const { helloTimeoutMs, heartbeatMs, drainGraceMs } = this.#options;
    if (this.#state === 'greeting') {
      return now - this.#openedAt < helloTimeoutMs
        ? []
        : this.end(closeCode.timeout, `no runner-hello within ${helloTimeoutMs} ms`, false);
    }
    // Half an interval more, for the time on the network.
    if (!busy && now - this.#seenAt > heartbeatMs * (missedHeartbeatsMax + 0.5)) {
      return this.end(closeCode.timeout, `${missedHeartbeatsMax} heartbeats missed`, false);
    }
    this.#drainedAt = this.#state === 'draining' && !busy ? (this.#drainedAt ?? now) : null;
    if (this.#drainedAt !== null && now - this.#drainedAt >= drainGraceMs) {
      return this.end(closeCode.done, `drained, and still there after ${drainGraceMs} ms`, false);
    }
    if (now - this.#beatAt < heartbeatMs) return [];
    this.#beatAt = now;
    this.#heartbeats = 0;
    return [{ do: 'send', frame: encodeMessage({ type: 'gateway-heartbeat' }) }];
  }

  /** Asks the runner to finish its jobs and leave. */
  drain(reason: string): readonly SessionEffect[] {
    if (this.#state !== 'ready' && this.#state !== 'checking') return [];
    this.#state = 'draining';
    return [
      { do: 'send', frame: encodeMessage({ type: 'runner-drain', reason: reason.slice(0, 200) }) },
      { do: 'drain' },
    ];
  }

  /** Ends the connection from this side, such as for a job past its deadline. */
  end(code: number, reason: string, blame: boolean): readonly SessionEffect[] {
    return this.#ended() ? [] : this.#close('closed', code, reason, blame);
  }

  /**
   * The connection is gone, whichever side closed it. `true` when the job in work is blamed, which
   * is not the case when the runner left in order.
   */
  closed(code: number): boolean {
    const inOrder =
      this.#state === 'draining' || code === closeCode.done || code === closeCode.goingAway;
    if (!this.#ended()) this.#state = 'closed';
    return !inOrder;
  }

  #ended(): boolean {
    return this.#state === 'closed' || this.#state === 'quarantined';
  }

  #message(frame: string, now: number): readonly SessionEffect[] {
    const message = parseRunnerMessage(frame);
    if (this.#state === 'greeting') {
      if (message.type !== 'runner-hello')
        throw new ProtocolError(`The first message must be runner-hello, not ${message.type}.`);
      return this.#greet(message, now);
    }
    if (message.type === 'runner-hello')
      throw new ProtocolError('A second runner-hello on one connection.');
    if (message.type === 'runner-error') {
      return this.end(closeCode.runnerFailed, `${message.code}: ${message.message}`, true);
    }
    if (message.type === 'runner-heartbeat') {
      this.#heartbeats += 1;
      if (this.#heartbeats <= heartbeatsMax) return [];
      throw new ProtocolError(`${this.#heartbeats} heartbeats between two of the gateway.`);
    }
    this.#state = 'draining';
    return [{ do: 'drain' }];
  }

  #greet(hello: RunnerHello, now: number): readonly SessionEffect[] {
    const { identity, golden, heartbeatMs } = this.#options;
    const problem = greetingProblem(hello, identity, golden.cases.length);
    if (problem !== null) return this.end(problem.code, problem.reason, problem.blame);
    const refusal = this.#options.refusal(hello);
    if (refusal !== null) return this.end(closeCode.notNow, refusal, false);
    this.#hello = hello;
    this.#state = 'checking';
    this.#beatAt = now;
    const welcome = encodeMessage({
      type: 'runner-welcome',
      protocol: protocolVersion,
      sessionId: this.id,
      heartbeatMs,
      limits: {
        frameBytesMax: wireLimits.frameBytesMax,
        textsPerJobMax: textsPerJobMax(identity.dimensions),
        textCharsMax: wireLimits.textCharsMax,
      },
    });
    return [{ do: 'send', frame: welcome }, { do: 'join', hello }, { do: 'check' }];
  }

  #result(frame: Uint8Array): readonly SessionEffect[] {
    if (this.#state === 'greeting')
      throw new ProtocolError('The first message must be runner-hello, not a binary frame.');
    const { vectorProblem, ...result } = decodeJobResult(frame, this.#options.identity.dimensions);
    if (vectorProblem === null) return [{ do: 'answer', result }];
    // Nothing of this answer is used: a runner that sends one such vector is not believed about the
    // others.
    return this.#close(
      'quarantined',
      closeCode.quarantined,
      `job ${result.jobId}: ${vectorProblem}`,
      true,
    );
  }

  #close(
    state: 'closed' | 'quarantined',
    code: number,
    reason: string,
    blame: boolean,
  ): readonly SessionEffect[] {
    assert(!this.#ended(), 'A session was closed twice');
    this.#state = state;
    return [{ do: 'close', code, reason, blame }];
  }
}
