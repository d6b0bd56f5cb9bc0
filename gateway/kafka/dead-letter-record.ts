// Writes a dead letter as a Kafka record that any client can read, and reads it back exactly.
//
// Key, value and headers are those of the original record. `__connect.errors.*` are the headers of
// Kafka Connect; a record that failed before keeps the ones it has, so that they name its first
// origin. `vectorstream.*` hold what Kafka Connect has no header for.

import { connectPrefix } from '#core/event/record-id.ts';
import { isUuid } from '#core/event/uuid.ts';
import { deadLetterReasons, type DeadLetter, type LogRecord, type Position } from '#core/ports.ts';
import {
  connectNames,
  firstFailureHeaders,
  redriveCountHeader,
} from '../dead-letters/failure-headers.ts';
import type { IndexedDeadLetter } from './dead-letter-index.ts';

const own = 'vectorstream.';
const names = {
  id: `${own}id`,
  origin: `${own}origin`,
  reason: `${own}reason`,
  message: `${own}message`,
  field: `${own}field`,
  eventId: `${own}event-id`,
  failedAt: `${own}failed-at`,
  timestamp: `${own}timestamp`,
  attempts: `${own}attempts`,
  runner: `${own}runner`,
  valueBytes: `${own}value-bytes`,
} as const;
const ownNames: readonly string[] = Object.values(names);

const decoder = new TextDecoder();

/** @param valueBytesMax a larger value is cut; `vectorstream.value-bytes` then has its full size */
export function recordOfDeadLetter(
  deadLetter: DeadLetter,
  valueBytesMax = Number.POSITIVE_INFINITY,
): LogRecord {
  const { origin, headers, value, reason } = deadLetter;
  const added: Record<string, string | number | null> = {
    [names.id]: deadLetter.id,
    [names.origin]: `${origin.topic}/${origin.partition}/${origin.offset}`,
    [names.reason]: reason,
    [names.message]: deadLetter.message,
    [names.field]: deadLetter.field,
    [names.eventId]: deadLetter.eventId,
    [names.failedAt]: deadLetter.failedAt,
    [names.timestamp]: deadLetter.timestamp,
    [names.attempts]: deadLetter.attempts,
    [names.runner]: deadLetter.runner,
    [names.valueBytes]: value.length > valueBytesMax ? value.length : null,
    ...(!Object.hasOwn(headers, redriveCountHeader) && { [redriveCountHeader]: 0 }),
  };
  const encoded = Object.entries(added).flatMap(([name, text]) =>
    text === null ? [] : [[name, Buffer.from(String(text))] as const],
  );
  const kept = Object.entries(headers).filter(([name]) => !ownNames.includes(name));
  return {
    key: deadLetter.key,
    value: value.subarray(0, valueBytesMax),
    headers: {
      ...Object.fromEntries(kept),
      ...firstFailureHeaders(deadLetter),
      ...Object.fromEntries(encoded),
    },
    timestamp: deadLetter.failedAt,
  };
}

/** `null` for a record that is not a dead letter of VectorStream. */
export function deadLetterOfRecord({ key, value, headers }: LogRecord): IndexedDeadLetter | null {
  const text = (name: string): string | null => {
    const bytes = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return bytes === undefined ? null : decoder.decode(bytes);
  };
  const id = text(names.id);
  const origin = originOf(text(names.origin));
  const reason = deadLetterReasons.find((known) => known === text(names.reason));
  const [timestamp, failedAt, attempts] = [
    Number(text(names.timestamp)),
    Number(text(names.failedAt)),
    Number(text(names.attempts)),
  ];
  if (id === null || !isUuid(id) || origin === null || reason === undefined) return null;
  if (![timestamp, failedAt, attempts].every(Number.isFinite)) return null;
  const failedBefore =
    text(`${connectPrefix}topic`) !== origin.topic ||
    text(`${connectPrefix}partition`) !== String(origin.partition) ||
    text(`${connectPrefix}offset`) !== String(origin.offset);
  const added = [
    ...ownNames,
    ...(failedBefore ? [] : connectNames),
    ...(text(redriveCountHeader) === '0' ? [redriveCountHeader] : []),
  ];
  return {
    id,
    origin,
    reason,
    key,
    value,
    valueBytes: Number(text(names.valueBytes) ?? value.length),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !added.includes(name))),
    timestamp,
    failedAt,
    attempts,
    message: text(names.message) ?? '',
    field: text(names.field),
    eventId: text(names.eventId),
    runner: text(names.runner),
  };
}

/** Parses `topic/partition/offset`. */
function originOf(text: string | null): Position | null {
  const [, topic, partition, offset] = /^(.*)\/(\d+)\/(\d+)$/s.exec(text ?? '') ?? [];
  return topic === undefined
    ? null
    : { topic, partition: Number(partition), offset: Number(offset) };
}
