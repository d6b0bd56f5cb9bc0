// Describes what went wrong between this program and Kafka: one line, a stable code, and whether a
// retry can help.

import { DependencyError } from '#core/errors/errors.ts';

/** Errors that a broker repeats however often the request is retried. */
const permanentTypes: readonly unknown[] = [
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
];

/**
 * Failures that an operator can correct, found by the client's message. A failure without a code
 * may also pass by itself.
 */
const advices: readonly {
  readonly message: RegExp;
  readonly code: string | null;
  readonly advice: string;
}[] = [
  {
    message: /^SASL .*authentication failed/i,
    code: 'SASL_AUTHENTICATION_FAILED',
    advice: 'see KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
  },
  {
    message: /altnames/i,
    code: 'TLS_UNTRUSTED',
    advice:
      'name the broker as its certificate does, in KAFKA_BROKERS and in its advertised listeners',
  },
  {
    message: /certificate/i,
    code: 'TLS_UNTRUSTED',
    advice: "name the authority that signed the broker's certificate in NODE_EXTRA_CA_CERTS",
  },
  {
    message: /given the current SASL state|SASL .* mechanism is not supported/i,
    code: 'SASL_NOT_TAKEN',
    advice: 'this listener of the broker does not accept this login, see KAFKA_SASL_MECHANISM',
  },
  {
    message: /before secure TLS connection|wrong version number|packet length too long/i,
    code: null,
    advice: 'if this persists, this listener of the broker does not use TLS, see KAFKA_SSL',
  },
  {
    message: /^Closed connection/i,
    code: null,
    advice:
      'if this persists, this listener of the broker requires TLS (KAFKA_SSL) ' +
      'or a login (KAFKA_SASL_MECHANISM)',
  },
];

/**
 * Whether settings are wrong. A person who waits gains nothing from a retry. A service may wait
 * until somebody corrects the broker.
 */
export const isMisconfigured = (error: unknown): boolean =>
  error instanceof DependencyError &&
  advices.some(({ code }) => code !== null && error.code === `kafka_${code.toLowerCase()}`);

export const isTooLarge = (error: unknown): boolean =>
  error instanceof DependencyError &&
  (error.code === 'kafka_message_too_large' || error.code === 'kafka_record_list_too_large');

/**
 * Turns any error of the client into a `DependencyError`, and returns one that already is as it is.
 *
 * @param operation completes "Kafka: … failed"
 */
export function kafkaError(error: unknown, operation: string): DependencyError {
  if (error instanceof DependencyError) return error;
  const root = rootOf(error);
  const message = root.message.replace(/\s+/g, ' ');
  const advised = advices.find(({ message: known }) => known.test(message));
  const type = advised?.code ?? typeOf(root) ?? 'UNAVAILABLE';
  const advice = advised === undefined ? '' : ` (${advised.advice})`;
  return new DependencyError(
    'kafka',
    `kafka_${type.toLowerCase()}`,
    `Kafka: ${operation} failed: ${message}${advice}`,
    { retryable: !permanentTypes.includes(type), cause: error },
  );
}

/**
 * The broker's name for the error, such as `UNKNOWN_TOPIC_OR_PARTITION`; `null` when the error is
 * not from the broker.
 */
export const brokerErrorType = (error: unknown): string | null => typeOf(rootOf(error));

/** The client wraps the cause in "retries exceeded", sometimes several times. */
function rootOf(error: unknown): Error {
  let root = error instanceof Error ? error : new Error(String(error));
  for (let depth = 0; depth < 8; depth++) {
    const inner: unknown =
      root.cause ?? ('errors' in root && Array.isArray(root.errors) ? root.errors[0] : null);
    if (!(inner instanceof Error) || inner === root) break;
    root = inner;
  }
  return root;
}

const typeOf = (error: Error): string | null =>
  'type' in error && typeof error.type === 'string' ? error.type : null;
