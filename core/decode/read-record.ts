// Turns a record into its events: finds JSON in its bytes and events in the JSON. Says what is
// wrong with each part that is not an event.

import { innerText, parseJson, printable, show } from '#core/event/json-guard.ts';
import {
  invalidEvent,
  isRejection,
  readEvent,
  tooLarge,
  undecodable,
} from '#core/event/parse-event.ts';
import {
  firstTopicOf,
  mappingHeader,
  mappingNameOf,
  recordIdOf,
  refusedHeader,
  requestHeader,
} from '#core/event/record-id.ts';
import type { Rejection } from '#core/ports.ts';
import { headerAttributes } from './envelopes.ts';
import { foreignBytes, foreignText } from './foreign-bytes.ts';
import { mayBeMessagePack, readMessagePack } from './message-pack.ts';
import { readDelete } from './read-delete.ts';
import {
  changed,
  type EventRead,
  eventsIn,
  eventsOf,
  eventsPerRecordMax,
  factsOf,
  type Part,
  type Reading,
  type ReadRules,
  type SentRecord,
  tooMany,
} from './read-value.ts';
import { type RecordSchema, schemaIdOf, withoutSchemaId } from './record-schema.ts';
import { SchemaInput, UnreadableBytes } from './schema-input.ts';
import { splitArray, splitLines } from './split-records.ts';

const [openBrace, openBracket, quote] = [0x7b, 0x5b, 0x22];

/**
 * One part or more. With strict limits, and for an invalid event of a request, the record is one
 * event or invalid, unless a header names a mapping for it. Never throws.
 *
 * @param schema of the record's schema id; `null` without an id, or without a registry
 */
export const readRecord = (
  record: SentRecord,
  rules: ReadRules,
  schema: RecordSchema | null = null,
): readonly Part[] => orUnreadable(() => partsOfRecord(record, rules, schema));

/** One JSON value of a request, as it is: in no envelope, and no list of events. Never throws. */
export const readByMapping = (reading: Reading): readonly Part<EventRead>[] =>
  orUnreadable(() => mappedParts(reading));

/** A record on which reading fails must not end the gateway, which would read it again. */
function orUnreadable<R>(read: () => readonly Part<R>[]): readonly Part<R | Rejection>[] {
  try {
    return read();
  } catch (error) {
    const message =
      `got what cannot be read (${printable(String(error), 160)}), allowed: an event; ` +
      'this is a bug in VectorStream, please report it';
    return [whole(invalidEvent(message))];
  }
}

function partsOfRecord(
  record: SentRecord,
  rules: ReadRules,
  schema: RecordSchema | null,
): readonly Part[] {
  const { value, headers, isTombstone = false } = record;
  const name = mappingNameOf(headers);
  const byName = name === null ? null : rules.mappings.named(name);
  const named = byName ?? rules.mappings.ofTopic(firstTopicOf(record));
  if (isTombstone) {
    const mappings = named !== null ? [named] : rules.limits.strict ? [] : rules.mappings.tried;
    return [whole(readDelete({ ignored: 'tombstone', row: null }, factsOf(record), mappings))];
  }
  if (name !== null && byName === null) return [whole(unknownMapping(name, rules.mappings.names))];
  const isRefused = Object.hasOwn(headers, refusedHeader);
  const reading = { record, rules, named, known: {}, changes: [] };
  // It stays refused for what it was refused for.
  if (byName !== null && isRefused) return mappedParts(reading);
  const isOneEvent = byName === null && (isRefused || (rules.limits.strict && named === null));
  // What was accepted as one event is stored as one event.
  if (isOneEvent || Object.hasOwn(headers, requestHeader)) {
    const missingId = (): string | null => recordIdOf(record, null);
    const read = readEvent(value, { ...rules, missingId });
    if (isOneEvent || !isRejection(read)) return [whole(read)];
  }
  const known = headerAttributes(headers);
  const sent: Reading = {
    ...reading,
    known: known ?? {},
    changes: known === null ? [] : ['cloud_event'],
  };
  const id = schemaIdOf(value);
  if (schema === null || id === null) return partsOf(withoutMark(value), sent);
  return partsBySchema(id, schema, sent);
}

/** JSON can be read also where the registry knows no schema for it. */
function partsBySchema(id: number, schema: RecordSchema, reading: Reading): readonly Part[] {
  const { value } = reading.record;
  const data = withoutSchemaId(value);
  if (!('read' in schema)) {
    if (schema.format === 'json' || isJsonText(data)) return partsOf(value, reading);
    const message =
      `got the schema id ${id}, ${schema.why}, allowed: Avro, Protobuf or JSON with the id of ` +
      'its schema';
    return [whole(undecodable(message))];
  }
  const { bytesMax } = reading.rules.limits;
  if (value.length > bytesMax) return [whole(tooLarge(`${value.length} bytes`, bytesMax))];
  try {
    return packed(schema.read(new SchemaInput(data)), changed(reading, schema.format));
  } catch (error) {
    if (!(error instanceof UnreadableBytes)) throw error;
    const message =
      `got bytes that do not fit their schema ${id} (${schema.format}): ${error.message}, ` +
      'allowed: what this schema describes';
    return [whole(undecodable(message))];
  }
}

function mappedParts(reading: Reading): readonly Part<EventRead>[] {
  const { value } = reading.record;
  const { bytesMax } = reading.rules.limits;
  if (value.length > bytesMax) return [whole(tooLarge(`${value.length} bytes`, bytesMax))];
  const json = parseJson(value);
  return json.ok ? eventsOf(json.value, reading, null) : [whole(undecodable(json.message))];
}

function unknownMapping(name: string, names: readonly string[]): Rejection {
  return invalidEvent(
    `got ${show(name)} in the header ${mappingHeader}, allowed: ${names.join(', ')}`,
  );
}

const whole = <R>(read: R): Part<R> => ({ read, piece: null });

function partsOf(bytes: Uint8Array, reading: Reading): readonly Part[] {
  const first = firstByte(bytes);
  if (first === openBracket) return listed(bytes, reading);
  if (first === openBrace) return oneOrLines(bytes, reading);
  if (first === quote) return quoted(bytes, reading);
  const data = withoutSchemaId(bytes);
  if (isJsonText(data)) return partsOf(data, changed(reading, 'schema_id'));
  const value = mayBeMessagePack(bytes) ? readMessagePack(bytes) : undefined;
  if (value !== undefined) return packed(value, changed(reading, 'message_pack'));
  return eventsOfBytes(bytes, reading, null);
}

const isJsonText = (bytes: Uint8Array): boolean =>
  [openBrace, openBracket].includes(firstByte(bytes));

function listed(bytes: Uint8Array, reading: Reading): readonly Part[] {
  const items = splitArray(bytes, eventsPerRecordMax + 1);
  if (items === null || items.length === 0) return eventsOfBytes(bytes, reading, null);
  return pieces(items, reading);
}

/** One object, or one on each line. A line break may also stand inside of one object. */
function oneOrLines(bytes: Uint8Array, reading: Reading): readonly Part[] {
  const parts = eventsOfBytes(bytes, reading, null);
  const [first, second] = isUnread(parts) ? splitLines(bytes, 2) : [];
  if (first === undefined || second === undefined || !parseJson(first).ok) return parts;
  return pieces(splitLines(bytes, eventsPerRecordMax + 1), reading);
}

const isUnread = ([first]: readonly Part[]): boolean =>
  first !== undefined &&
  'reason' in first.read &&
  (first.read.reason === 'not_json' || first.read.reason === 'too_large');

/** JSON in JSON, once. */
function quoted(bytes: Uint8Array, reading: Reading): readonly Part[] {
  const json = parseJson(bytes);
  const text = json.ok ? innerText(json.value) : null;
  if (text === null || reading.changes.includes('double_encoded'))
    return eventsOfBytes(bytes, reading, null);
  return partsOf(new TextEncoder().encode(text), changed(reading, 'double_encoded'));
}

function packed(value: unknown, reading: Reading): readonly Part[] {
  if (!Array.isArray(value) || value.length === 0) return eventsIn(value, reading, null);
  const items: readonly unknown[] = value;
  if (items.length > eventsPerRecordMax) return [whole(tooMany)];
  return items.flatMap((item, index) =>
    eventsIn(item, severally(reading), {
      index: String(index),
      value: () => new TextEncoder().encode(JSON.stringify(item)),
    }),
  );
}

function pieces(items: readonly Uint8Array[], reading: Reading): readonly Part[] {
  if (items.length > eventsPerRecordMax) return [whole(tooMany)];
  const each = severally(reading);
  return items.flatMap((value, index) =>
    eventsOfBytes(value, each, { index: String(index), value: () => value }),
  );
}

/** The id that a header names is that of the whole record. */
function severally(reading: Reading): Reading {
  const { event_type: type, timestamp: time } = reading.known;
  const known = { ...(type && { event_type: type }), ...(time && { timestamp: time }) };
  return { ...changed(reading, 'several_events'), known };
}

function eventsOfBytes(bytes: Uint8Array, reading: Reading, piece: Part['piece']): readonly Part[] {
  const { bytesMax } = reading.rules.limits;
  if (bytes.length > bytesMax)
    return [{ read: tooLarge(`${bytes.length} bytes`, bytesMax), piece }];
  const json = parseJson(bytes);
  if (json.ok) return eventsIn(json.value, reading, piece);
  const message = foreignBytes(bytes) ?? foreignText(bytes) ?? json.message;
  return [{ read: undecodable(message), piece }];
}

/** The bytes without the byte-order mark of UTF-8. */
const withoutMark = (bytes: Uint8Array): Uint8Array =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;

/** The first byte after white space; -1 without any. */
const firstByte = (bytes: Uint8Array): number =>
  bytes.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) ?? -1;
