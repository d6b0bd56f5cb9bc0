// Names a dead letter by its place in the log and by its record: the same failure has one id
// however often it occurs, and another record at a re-used offset (a topic that was recreated) has
// another.

import type { DeadLetter, LogRecord, Position } from '#core/ports.ts';
import { uuidV5 } from './uuid.ts';

const utf8 = new TextEncoder();

/** UUIDv5 of topic, partition, offset, timestamp, key and value. */
export function deadLetterId(
  { topic, partition, offset }: Position,
  { key, value, timestamp }: Pick<LogRecord, 'key' | 'value' | 'timestamp'>,
): string {
  const keySize = key === null ? 'null' : key.length;
  const place = utf8.encode(`${topic}/${partition}/${offset}/${timestamp}/${keySize}/`);
  const name = new Uint8Array(place.length + (key?.length ?? 0) + value.length);
  name.set(place);
  if (key !== null) name.set(key, place.length);
  name.set(value, name.length - value.length);
  return uuidV5(name);
}

/**
 * The id that earlier versions gave: of the place alone. A queue that holds a dead letter under it
 * knows a new one whose key, value and timestamp are the same.
 */
export function deadLetterIdOfPlace({ topic, partition, offset }: DeadLetter['origin']): string {
  return uuidV5(`${topic}/${partition}/${offset}`);
}
