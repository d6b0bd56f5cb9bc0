// Errors that a caller can act on. Each class is one cause, with a stable code and whether a retry
// can help.

export abstract class VectorStreamError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;
}

/**
 * A log, store or queue failed to carry out a call. `retryable` says whether the same call may
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
 * The store was created for another model, template or dimension, so its vectors cannot be compared
 * with new ones.
 */
export class IndexMismatchError extends VectorStreamError {
  override readonly name = 'IndexMismatchError';
  readonly code = 'index_mismatch';
  readonly retryable = false;
}

/** The log holds as many unread bytes as it may. The sender must wait. */
export class LogFullError extends VectorStreamError {
  override readonly name = 'LogFullError';
  readonly code = 'log_full';
  readonly retryable = true;
}

/**
 * The configuration, a file or a command line is wrong. The message is one line: what is wrong,
 * where, and what to do.
 */
export class UsageError extends VectorStreamError {
  override readonly name = 'UsageError';
  readonly code = 'usage';
  readonly retryable = false;
}
