// Names the headers that describe the failures of a record: Kafka Connect's headers for its first
// failure, and the number of its replays.

import { at } from '#core/errors/assert.ts';
import { connectPrefix } from '#core/event/record-id.ts';
import type { DeadLetter, DeadLetterReason, LogRecord } from '#core/ports.ts';

/** How often an event was replayed. The header travels with the event. */
export const redriveCountHeader = 'vectorstream.redrive-count';

/** The stage of a pipeline, as in org.apache.kafka.connect.runtime.errors.Stage. */
const stages: Readonly<Record<DeadLetterReason, string>> = {
  not_json: 'VALUE_CONVERTER',
  invalid_event: 'VALUE_CONVERTER',
  too_large: 'VALUE_CONVERTER',
  timestamp_ahead: 'VALUE_CONVERTER',
  embedding_failed: 'TRANSFORMATION',
  store_rejected: 'TASK_PUT',
  id_conflict: 'TASK_PUT',
};

const connectFields = [
  'topic',
  'partition',
  'offset',
  'stage',
  'exception.class.name',
  'exception.message',
] as const;
export const connectNames: readonly string[] = connectFields.map(
  (field) => `${connectPrefix}${field}`,
);

const decoder = new TextDecoder();

/**
 * The headers of the failure behind this dead letter; none when the record carries those of an
 * earlier failure.
 */
export function firstFailureHeaders({
  headers,
  origin,
  reason,
  message,
}: DeadLetter): LogRecord['headers'] {
  if (Object.hasOwn(headers, `${connectPrefix}topic`)) return {};
  const values = [
    origin.topic,
    String(origin.partition),
    String(origin.offset),
    stages[reason],
    `vectorstream.${reason}`,
    message,
  ];
  return Object.fromEntries(
    // A Buffer of its pool costs less than an array of its own.
    connectNames.map((name, index) => [name, Buffer.from(at(values, index))]),
  );
}

/** 0 for a record that was never replayed, or whose header is not a count. */
export function redriveCountOf(headers: LogRecord['headers']): number {
  const header = Object.hasOwn(headers, redriveCountHeader)
    ? headers[redriveCountHeader]
    : undefined;
  const text = header === undefined ? '' : decoder.decode(header);
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
