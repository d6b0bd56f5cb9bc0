// What a call of the client can fail with: the gateway's own answer, or no answer at all.

import { VectorStreamError } from '#core/errors/errors.ts';
import type { ProblemView } from '../gateway/api/routes/schemas.ts';

/** The gateway said no. `code` is stable and what a program acts on; `message` is for a person. */
export class VectorStreamApiError extends VectorStreamError {
  override readonly name = 'VectorStreamApiError';
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** What the gateway's log has this call under; empty when something before the gateway answered. */
  readonly requestId: string;
  /** All members of the problem document, such as `errors` of a request that was not valid. */
  readonly problem: Partial<ProblemView>;
  /** The least wait that the gateway asked for; `null` when it asked for none. */
  readonly retryAfterMs: number | null;
  constructor(status: number, problem: Partial<ProblemView>, retryAfterMs: number | null) {
    const detail =
      problem.detail ??
      'The answer does not say why; something before the gateway may have given it.';
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
    return this.status === 429 || this.status === 503 || this.code === 'idempotency_key_busy';
  }
}

/**
 * There was no whole answer: nothing listens there, the connection broke, it took too long, or what
 * came is not the API's.
 */
export class VectorStreamConnectionError extends VectorStreamError {
  override readonly name = 'VectorStreamConnectionError';
  readonly code = 'no_answer';
  readonly retryable = true;
}
