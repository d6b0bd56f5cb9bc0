// The gateway's side of one connection as a state machine: who a runner is, whether it is right,
// and whether it is alive.

import { assert } from '#core/errors/assert.ts';
import type { EmbedOutcome } from '#core/ports.ts';
import { boundsOf } from '#core/trust/agreement.ts';
import { goldenVerdict, type GoldenBounds, type GoldenCase } from '#core/trust/golden.ts';
import { cosine } from '#core/vectors/vector.ts';
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

export type ModelIdentity = {
  readonly modelId: string;
  readonly modelRevision: string;
  readonly dimensions: number;
};

export type GatewaySessionOptions = {
  readonly identity: ModelIdentity;
  readonly golden: { readonly cases: readonly GoldenCase[] };
  /** By dtype; one that is not here is held to the bounds of `fp32`. */
  readonly bounds: Readonly<Record<string, GoldenBounds>>;
  readonly helloTimeoutMs: number;
  readonly heartbeatMs: number;
  /** Why this runner may not join now, such as a quarantine; `null`: it may. */
  readonly refusal: (hello: RunnerHello) => string | null;
  /** How long a draining runner without a job may take to hang up. */
  readonly drainGraceMs: number;
};

export type SessionState =
  | 'greeting'
  | 'checking'
  | 'ready'
  | 'draining'
  | 'closed'
  | 'quarantined';

/** What the shell is to do, in order. */
export type SessionEffect =
  | { readonly do: 'send'; readonly frame: string }
  /** The runner is known: the fleet may check it. */
  | { readonly do: 'join'; readonly hello: RunnerHello }
  /** The golden texts are its next job; the answer comes back through `checked`. */
  | { readonly do: 'check' }
  /** It is right: the fleet may give it work. */
  | { readonly do: 'serve' }
  | { readonly do: 'answer'; readonly result: JobResult }
  /** No more jobs for it. */
  | { readonly do: 'drain' }
  /** Last of all. `blame`: the job in work may be why. */
  | {
      readonly do: 'close';
      readonly code: number;
      readonly reason: string;
      readonly blame: boolean;
    };

const missedHeartbeatsMax = 2;

/**
 * Fed with frames and time (`now`: monotonic ms; `utc`: UTC ms), it answers with effects. After a
 * `close` it answers nothing.
 */
export class GatewaySession {
  readonly id: string;
  readonly #options: GatewaySessionOptions;
  readonly #openedAt: number;
  #state: SessionState = 'greeting';
  #hello: RunnerHello | null = null;
  #seenAt: number;
  #beatAt: number;
  #checkedAt = 0;
  /** Since when it drains with nothing in work. */
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

  /** `null` until the runner has said who it is. */
  get hello(): RunnerHello | null {
    return this.#hello;
  }

  /** UTC ms of the check at the door; 0 before it is passed. */
  get checkedAt(): number {
    return this.#checkedAt;
  }

  /** Cosine to the reference in the last golden check, passed or not. */
  get lastGoldenCosine(): { readonly mean: number; readonly min: number } | null {
    return this.#cosine;
  }

  receive(frame: string | Uint8Array, now: number): readonly SessionEffect[] {
    if (this.#ended()) return [];
    this.#seenAt = now;
    try {
      return typeof frame === 'string' ? this.#message(frame, now) : this.#result(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.#close('closed', error.closeCode, error.message, true);
    }
  }

  /** The answer to a `check`, one outcome per golden text. */
  checked(outcomes: readonly EmbedOutcome[], utc: number): readonly SessionEffect[] {
    if (this.#ended()) return [];
    const {
      golden: { cases },
      bounds,
    } = this.#options;
    const unanswered = outcomes.findIndex(({ ok }) => !ok);
    const cosines = cases.map(({ vector }, index) => {
      const outcome = outcomes[index];
      return outcome?.ok ? cosine(outcome.vector, vector) : NaN;
    });
    const verdict = goldenVerdict(cosines, boundsOf(bounds, this.#hello?.dtype ?? ''));
    this.#cosine = unanswered === -1 ? { mean: verdict.mean, min: verdict.min } : null;
    if (unanswered !== -1 || !verdict.ok) {
      const reason =
        unanswered === -1
          ? verdict.message
          : `golden text ${unanswered + 1} of ${cases.length} was not embedded`;
      return this.quarantine(reason);
    }
    this.#checkedAt = utc;
    if (this.#state !== 'checking') return [];
    this.#state = 'ready';
    return [{ do: 'serve' }];
  }

  /** All golden texts came back right again, among its work. */
  provedRight({ mean, min }: { readonly mean: number; readonly min: number }): void {
    this.#cosine = { mean, min };
  }

  /** It was found wrong, and works no more. Its text is not to blame. */
  quarantine(reason: string): readonly SessionEffect[] {
    return this.#ended() ? [] : this.#close('quarantined', closeCode.quarantined, reason, false);
  }

  /** As `quarantine`, after the connection has gone. */
  foundWrong(): void {
    this.#state = 'quarantined';
  }

  /** Time has passed. `busy`: it has a job in work, and may be silent until that job's deadline. */
  tick(now: number, busy: boolean): readonly SessionEffect[] {
    if (this.#ended()) return [];
    const { helloTimeoutMs, heartbeatMs, drainGraceMs } = this.#options;
    if (this.#state === 'greeting') {
      return now - this.#openedAt < helloTimeoutMs
        ? []
        : this.#close(
            'closed',
            closeCode.timeout,
            `no runner-hello within ${helloTimeoutMs} ms`,
            false,
          );
    }
    // Half an interval more, for the way here.
    if (!busy && now - this.#seenAt > heartbeatMs * (missedHeartbeatsMax + 0.5)) {
      return this.#close(
        'closed',
        closeCode.timeout,
        `${missedHeartbeatsMax} heartbeats missed`,
        false,
      );
    }
    this.#drainedAt = this.#state === 'draining' && !busy ? (this.#drainedAt ?? now) : null;
    if (this.#drainedAt !== null && now - this.#drainedAt >= drainGraceMs) {
      return this.#close(
        'closed',
        closeCode.done,
        `drained, and still there after ${drainGraceMs} ms`,
        false,
      );
    }
    if (now - this.#beatAt < heartbeatMs) return [];
    this.#beatAt = now;
    return [{ do: 'send', frame: encodeMessage({ type: 'gateway-heartbeat' }) }];
  }

  /** Asks the runner to finish what it has and leave. */
  drain(reason: string): readonly SessionEffect[] {
    if (this.#state !== 'ready' && this.#state !== 'checking') return [];
    this.#state = 'draining';
    return [
      { do: 'send', frame: encodeMessage({ type: 'runner-drain', reason: reason.slice(0, 200) }) },
      { do: 'drain' },
    ];
  }

  /** Ends the connection from this side, e.g. for a job past its deadline. */
  end(code: number, reason: string, blame: boolean): readonly SessionEffect[] {
    return this.#ended() ? [] : this.#close('closed', code, reason, blame);
  }

  /**
   * The connection is gone, whoever closed it. `true` when the job in work takes the blame: not for
   * a runner that left in order.
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
      return this.#close(
        'closed',
        closeCode.runnerFailed,
        `${message.code}: ${message.message}`,
        true,
      );
    }
    if (message.type === 'runner-heartbeat') return [];
    this.#state = 'draining';
    return [{ do: 'drain' }];
  }

  #greet(hello: RunnerHello, now: number): readonly SessionEffect[] {
    const { identity, golden, heartbeatMs } = this.#options;
    if (hello.protocol !== protocolVersion) {
      throw new ProtocolError(
        `The runner speaks protocol ${hello.protocol}; this gateway speaks ${protocolVersion}.`,
      );
    }
    for (const key of ['modelId', 'modelRevision', 'dimensions'] as const) {
      if (hello[key] === identity[key]) continue;
      return this.#close(
        'closed',
        closeCode.modelMismatch,
        `${key} is ${hello[key]}, not ${identity[key]}`,
        false,
      );
    }
    if (hello.limits.textsPerJobMax < golden.cases.length) {
      throw new ProtocolError(
        `The runner takes ${hello.limits.textsPerJobMax} texts per job; the golden check is one job of ${golden.cases.length}.`,
      );
    }
    const refusal = this.#options.refusal(hello);
    if (refusal !== null) return this.#close('closed', closeCode.notNow, refusal, false);
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
    // Nothing of this answer is taken: whoever sends one such vector is not to be believed about
    // the others.
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
