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
const ownNames: ReadonlySet<string> = new Set(Object.values(names));

const decoder = new TextDecoder();

/** @param valueBytesMax a larger value is cut; `vectorstream.value-bytes` then has its full size */
export function recordOfDeadLetter(
  deadLetter: DeadLetter,
  valueBytesMax = Number.POSITIVE_INFINITY,
): LogRecord {
  const { origin, headers, value } = deadLetter;
  // One list for all, because a stream of bad events makes thousands a second.
  const all = Object.entries(headers).filter(([name]) => !ownNames.has(name));
  all.push(...Object.entries(firstFailureHeaders(deadLetter)));
  const add = (name: string, text: string | number | null): void => {
    if (text !== null) all.push([name, Buffer.from(String(text))]);
  };
  add(names.id, deadLetter.id);
  add(names.origin, `${origin.topic}/${origin.partition}/${origin.offset}`);
  add(names.reason, deadLetter.reason);
  add(names.message, deadLetter.message);
  add(names.field, deadLetter.field);
  add(names.eventId, deadLetter.eventId);
  add(names.failedAt, deadLetter.failedAt);
  add(names.timestamp, deadLetter.timestamp);
  add(names.attempts, deadLetter.attempts);
  add(names.runner, deadLetter.runner);
  add(names.valueBytes, value.length > valueBytesMax ? value.length : null);
  if (!Object.hasOwn(headers, redriveCountHeader)) add(redriveCountHeader, 0);
  return {
    key: deadLetter.key,
    value: value.subarray(0, valueBytesMax),
    headers: Object.fromEntries(all),
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
  const isFirst = text(redriveCountHeader) === '0';
  const isAdded = (name: string): boolean =>
    ownNames.has(name) ||
    (!failedBefore && connectNames.includes(name)) ||
    (isFirst && name === redriveCountHeader);
  return {
    id,
    origin,
    reason,
    key,
    value,
    valueBytes: Number(text(names.valueBytes) ?? value.length),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !isAdded(name))),
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
