// Says what went wrong between this program and Kafka: one line, a stable code, and whether trying again can help.
import { DependencyError } from '#core/errors.ts';

/** What a broker answers the same way however often it is asked. */
const lasting: readonly unknown[] = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TOPIC_EXCEPTION', 'INVALID_RECORD', 'INVALID_TIMESTAMP'];

export const isTooLarge = (error: unknown): boolean => error instanceof DependencyError && (error.code === 'kafka_message_too_large' || error.code === 'kafka_record_list_too_large');

/** `doing` completes "Kafka: … failed". An error that was told already stays as it is. */
export function kafkaError(error: unknown, doing: string): DependencyError {
  if (error instanceof DependencyError) return error;
  const root = rootOf(error);
  const type = typeIn(root) ?? (root.name === 'KafkaJSSASLAuthenticationError' ? 'SASL_AUTHENTICATION_FAILED' : 'UNAVAILABLE');
  return new DependencyError('kafka', `kafka_${type.toLowerCase()}`, `Kafka: ${doing} failed: ${root.message.replace(/\s+/g, ' ')}`, { retryable: !lasting.includes(type), cause: error });
}

/** The broker's name for the trouble, such as `UNKNOWN_TOPIC_OR_PARTITION`; `null` when it is not the broker's word. */
export const brokerWord = (error: unknown): string | null => typeIn(rootOf(error));

/** The client wraps what happened in "retries exceeded", sometimes several times. */
function rootOf(error: unknown): Error {
  let root = error instanceof Error ? error : new Error(String(error));
  for (let depth = 0; depth < 8; depth++) {
    const inner: unknown = root.cause ?? ('errors' in root && Array.isArray(root.errors) ? root.errors[0] : null);
    if (!(inner instanceof Error) || inner === root) break;
    root = inner;
  }
  return root;
}

const typeIn = (error: Error): string | null => ('type' in error && typeof error.type === 'string' ? error.type : null);
