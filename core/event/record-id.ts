// Gives a record an id from its place in the log, for an event that was sent without one: a record
// that is read again, also as a dead letter that is replayed, has the same id.

import type { LogRecord, Position } from '#core/ports.ts';
import { uuidV5 } from './uuid.ts';

/** Where the record was that failed first, as Kafka Connect names it: `topic` and so on. */
export const connectPrefix = '__connect.errors.';
/** When the record that failed first was made, UTC ms. A replay makes a new record. */
export const firstTimestampHeader = 'vectorstream.first-timestamp';
/**
 * Marks an invalid event of a request. Its sender was told so, and would send it again: it gets no
 * id here.
 */
export const refusedHeader = 'vectorstream.refused';

/** The id of the request that a record came with. */
export const requestHeader = 'x-request-id';
/** The place of a dead letter's event in its record, which had several. */
export const pieceHeader = 'vectorstream.piece';
/** The name of the mapping that reads a record. */
export const mappingHeader = 'vectorstream.mapping';

export type PlacedRecord = Pick<LogRecord, 'headers' | 'timestamp'> & {
  readonly position: Position;
};

const utf8 = new TextDecoder();

/**
 * A UUIDv5 of topic, partition, offset and timestamp. A replayed record has the id of the record
 * that failed first. The timestamp tells the records of a topic that was made anew from the old
 * ones. `null` for an invalid event of a request.
 *
 * @param index the place of an event in a record with several; each event has its own id
 */
export function recordIdOf(
  { headers, position, timestamp }: PlacedRecord,
  index: string | null,
): string | null {
  const header = (name: string): string | null => textOf(headers, name);
  if (header(refusedHeader) !== null) return null;
  const topic = header(`${connectPrefix}topic`) ?? position.topic;
  const partition = header(`${connectPrefix}partition`) ?? position.partition;
  const offset = header(`${connectPrefix}offset`) ?? position.offset;
  const madeAt = header(firstTimestampHeader) ?? timestamp;
  const piece = index ?? pieceOf(headers);
  const place = `${topic}/${partition}/${offset}/${madeAt}`;
  return uuidV5(piece === null ? `record/${place}` : `record/${place}/${piece}`);
}

/** The topic that a record was first in: a replay writes it to another one. */
export function firstTopicOf({ headers, position }: PlacedRecord): string {
  // Kafka Connect names a topic too, in records that were never ours.
  const isReplay = Object.hasOwn(headers, firstTimestampHeader);
  return (isReplay ? textOf(headers, `${connectPrefix}topic`) : null) ?? position.topic;
}

/** The place that a replayed event had in its record; `null` for a whole record. */
export const pieceOf = (headers: LogRecord['headers']): string | null =>
  textOf(headers, pieceHeader);

/** The mapping that the sender names; `null` without one. */
export const mappingNameOf = (headers: LogRecord['headers']): string | null =>
  textOf(headers, mappingHeader);

function textOf(headers: LogRecord['headers'], name: string): string | null {
  return Object.hasOwn(headers, name) ? utf8.decode(headers[name]) : null;
}
