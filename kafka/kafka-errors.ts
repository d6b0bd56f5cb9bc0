// Says what went wrong between this program and Kafka: one line, a stable code, and whether trying
// again can help.

import { DependencyError } from '#core/errors/errors.ts';

/** What a broker answers the same way however often it is asked. */
const lasting: readonly unknown[] = [
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
];

/**
 * What an operator can put right, by the client's words for it; without a code it may also pass by
 * itself.
 */
const advices: readonly {
  readonly words: RegExp;
  readonly code: string | null;
  readonly advice: string;
}[] = [
  {
    words: /^SASL .*authentication failed/i,
    code: 'SASL_AUTHENTICATION_FAILED',
    advice: 'see KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
  },
  {
    words: /altnames/i,
    code: 'TLS_UNTRUSTED',
    advice:
      'name the broker as its certificate does, in KAFKA_BROKERS and in its advertised listeners',
  },
  {
    words: /certificate/i,
    code: 'TLS_UNTRUSTED',
    advice: "name the authority that signed the broker's certificate in NODE_EXTRA_CA_CERTS",
  },
  {
    words: /given the current SASL state|SASL .* mechanism is not supported/i,
    code: 'SASL_NOT_TAKEN',
    advice: 'this address of the broker takes no such login, see KAFKA_SASL_MECHANISM',
  },
  {
    words: /before secure TLS connection|wrong version number|packet length too long/i,
    code: null,
    advice: 'if this goes on, this address of the broker speaks no TLS, see KAFKA_SSL',
  },
  {
    words: /^Closed connection/i,
    code: null,
    advice:
      'if this goes on, this address of the broker wants TLS (KAFKA_SSL) or a login (KAFKA_SASL_MECHANISM)',
  },
];

/**
 * Settings are wrong: for a person who waits there is no point in trying again, while a service may
 * wait until they are put right at the broker.
 */
export const isMisconfigured = (error: unknown): boolean =>
  error instanceof DependencyError &&
  advices.some(({ code }) => code !== null && error.code === `kafka_${code.toLowerCase()}`);

export const isTooLarge = (error: unknown): boolean =>
  error instanceof DependencyError &&
  (error.code === 'kafka_message_too_large' || error.code === 'kafka_record_list_too_large');

/** `doing` completes "Kafka: … failed". An error that was told already stays as it is. */
export function kafkaError(error: unknown, doing: string): DependencyError {
  if (error instanceof DependencyError) return error;
  const root = rootOf(error);
  const words = root.message.replace(/\s+/g, ' ');
  const advised = advices.find(({ words: known }) => known.test(words));
  const type = advised?.code ?? typeIn(root) ?? 'UNAVAILABLE';
  const advice = advised === undefined ? '' : ` (${advised.advice})`;
  return new DependencyError(
    'kafka',
    `kafka_${type.toLowerCase()}`,
    `Kafka: ${doing} failed: ${words}${advice}`,
    { retryable: !lasting.includes(type), cause: error },
  );
}

/**
 * The broker's name for the trouble, such as `UNKNOWN_TOPIC_OR_PARTITION`; `null` when it is not
 * the broker's word.
 */
export const brokerWord = (error: unknown): string | null => typeIn(rootOf(error));

/** The client wraps what happened in "retries exceeded", sometimes several times. */
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

const typeIn = (error: Error): string | null =>
  'type' in error && typeof error.type === 'string' ? error.type : null;
