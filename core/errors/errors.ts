// Trouble that a caller can act on: each class is one cause, with a stable code and whether trying
// again can help.

export abstract class VectorStreamError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;
}

/**
 * A log, store or queue could not do what it was asked. `retryable` says whether the same call may
 * succeed later.
 */
export class DependencyError extends VectorStreamError {
  override readonly name = 'DependencyError';
  readonly dependency: string;
  readonly code: string;
  readonly retryable: boolean;
  constructor(
    dependency: string,
    code: string,
    message: string,
    options: { retryable: boolean; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.dependency = dependency;
    this.code = code;
    this.retryable = options.retryable;
  }
}

/**
 * The store was made for another model, template or dimension; writing to it would mix incomparable
 * vectors.
 */
export class IndexMismatchError extends VectorStreamError {
  override readonly name = 'IndexMismatchError';
  readonly code = 'index_mismatch';
  readonly retryable = false;
}

/** The log holds as many unread bytes as it may: the sender must wait. */
export class LogFullError extends VectorStreamError {
  override readonly name = 'LogFullError';
  readonly code = 'log_full';
  readonly retryable = true;
}

/**
 * The configuration, a file or a command line is wrong; the message is one line that says what,
 * which and what to do.
 */
export class UsageError extends VectorStreamError {
  override readonly name = 'UsageError';
  readonly code = 'usage';
  readonly retryable = false;
}
