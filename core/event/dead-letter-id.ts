// Gives a dead letter an id from its position in the log and its record: the same failure has one
// id however often it occurs, and another record at a reused offset (of a recreated topic) has
// another id.

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
 * The id that earlier versions gave, from the position alone. A queue that has a dead letter under
 * this id recognises a new one by its equal key, value and timestamp.
 */
export function deadLetterIdOfPosition({ topic, partition, offset }: DeadLetter['origin']): string {
  return uuidV5(`${topic}/${partition}/${offset}`);
}
