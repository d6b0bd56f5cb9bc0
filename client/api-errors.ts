// The errors of the client's calls: the gateway refused, or there was no usable answer.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { ProblemView } from '../gateway/api/routes/schemas.ts';
import type { IntakeResult } from '../gateway/ingest/intake.ts';

type SendItem = IntakeResult['items'][number];

/**
 * The gateway, or a proxy before it, answered with an error. Programs act on `code`, which is
 * stable; people read `message`.
 */
export class VectorStreamApiError extends VectorStreamError {
  override readonly name: string = 'VectorStreamApiError';
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Finds this call in the gateway's log. Empty when something before the gateway answered. */
  readonly requestId: string;
  /** All members of the problem document, such as `errors` of an invalid request. */
  readonly problem: Partial<ProblemView>;
  /** The shortest wait that the answer asked for; `null` when it asked for none. */
  readonly retryAfterMs: number | null;
  constructor(status: number, problem: Partial<ProblemView>, retryAfterMs: number | null) {
    const detail =
      problem.detail ?? 'The answer gives no reason. It may come from a proxy before the gateway.';
    super(`${status} ${problem.code ?? 'unknown'}: ${detail}`);
    this.status = status;
    this.code = problem.code ?? 'unknown';
    this.detail = detail;
    this.requestId = problem.request_id ?? '';
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same call may succeed later. */
  get retryable(): boolean {
    return [429, 502, 503, 504].includes(this.status) || this.code === 'idempotency_key_busy';
  }

  /** False when a proxy gave up waiting: the gateway may have carried out the call. */
  get isCertainlyUndone(): boolean {
    return this.status !== 502 && this.status !== 504;
  }
}

/**
 * The gateway could not process all events of a call: those in `items` have their results, and what
 * it accepted of them is durable. It is not known what became of the others: send them again.
 */
export class VectorStreamPartialSendError extends VectorStreamApiError {
  override readonly name = 'VectorStreamPartialSendError';
  /** Results in order, from the first event of the call. */
  readonly items: readonly SendItem[];
  constructor({ status, problem, retryAfterMs }: VectorStreamApiError, items: readonly SendItem[]) {
    super(status, problem, retryAfterMs);
    this.items = items;
  }
}

/**
 * There was no usable answer: nothing listens at the address, the connection broke, the answer took
 * too long, or it was not the API's.
 */
export class VectorStreamConnectionError extends VectorStreamError {
  override readonly name = 'VectorStreamConnectionError';
  /** `not_json`: something answered with success, but it is no VectorStream gateway. */
  readonly code: 'no_answer' | 'not_json';
  /** What went wrong in a few words, such as `ECONNREFUSED`. */
  readonly reason: string;
  constructor(
    message: string,
    options: { code: 'no_answer' | 'not_json'; reason: string; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.reason = options.reason;
  }

  get retryable(): boolean {
    return this.code === 'no_answer';
  }
}

/**
 * Makes a handler for `catch`: it returns `null` when the gateway answered with this code, and
 * throws every other error again.
 */
export const nullWhen =
  (code: string) =>
  (error: unknown): null => {
    if (error instanceof VectorStreamApiError && error.code === code) return null;
    throw error;
  };
