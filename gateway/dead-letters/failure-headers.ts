// Names the headers by which a record tells of its failures: Kafka Connect's words for the first
// one, and how often it was put back.

import type { DeadLetter, DeadLetterReason, LogRecord } from '#core/ports.ts';

export const connectPrefix = '__connect.errors.';
/** How often an event was put back into its source; it comes with the event. */
export const redriveCountHeader = 'vectorstream.redrive-count';
/** When the record was made that failed first, UTC ms: one that is put back is made anew. */
export const firstTimestampHeader = 'vectorstream.first-timestamp';

/** The part of a pipeline in Kafka Connect's words (org.apache.kafka.connect.runtime.errors.Stage). */
const stages: Readonly<Record<DeadLetterReason, string>> = {
  not_json: 'VALUE_CONVERTER',
  invalid_event: 'VALUE_CONVERTER',
  too_large: 'VALUE_CONVERTER',
  embedding_failed: 'TRANSFORMATION',
  store_rejected: 'TASK_PUT',
};

const connectMembers = [
  'topic',
  'partition',
  'offset',
  'stage',
  'exception.class.name',
  'exception.message',
] as const;
export const connectNames: readonly string[] = connectMembers.map(
  (member) => `${connectPrefix}${member}`,
);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Of the failure that made this letter; none when its record failed before, and says so already. */
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
    connectNames.map((name, index) => [name, encoder.encode(values[index])]),
  );
}

/** 0 for a record that was never put back, or by somebody who counts otherwise. */
export function redriveCountOf(headers: LogRecord['headers']): number {
  const header = Object.hasOwn(headers, redriveCountHeader)
    ? headers[redriveCountHeader]
    : undefined;
  const text = header === undefined ? '' : decoder.decode(header);
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
