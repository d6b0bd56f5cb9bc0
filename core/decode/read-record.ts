// Turns a record into its events: finds JSON in its bytes and events in the JSON, and says of each
// part that is no event what is wrong with it.

import { innerText, parseJson } from '#core/event/json-guard.ts';
import type { ChangeKind } from '#core/event/known-members.ts';
import {
  eventOf,
  type EventLimits,
  isRejection,
  readEvent,
  type ReadEvent,
  tooLarge,
  undecodable,
} from '#core/event/parse-event.ts';
import {
  type PlacedRecord,
  recordIdOf,
  refusedHeader,
  requestHeader,
} from '#core/event/record-id.ts';
import type { LogRecord, Rejection } from '#core/ports.ts';
import { headerAttributes, type IgnoredKind, type Known, unwrapped } from './envelopes.ts';
import { foreignBytes, foreignText } from './foreign-bytes.ts';
import { foreignSystem } from './foreign-shapes.ts';
import { mayBeMessagePack, readMessagePack } from './message-pack.ts';
import { splitArray, splitLines } from './split-records.ts';

type Read = ReadEvent | Rejection | { readonly ignored: IgnoredKind };

/** A record with one event, or one event of several. */
export type Part = {
  readonly read: Read;
  /** Of several: its place and its bytes. `null` for a whole record. */
  readonly piece: { readonly index: number; readonly value: Uint8Array } | null;
};

type Rules = { readonly now: number; readonly limits: EventLimits };
type Sent = PlacedRecord & Pick<LogRecord, 'value' | 'isTombstone'>;

/** All events of a record are in memory together. */
export const eventsPerRecordMax = 5000;

const [openBrace, openBracket, quote] = [0x7b, 0x5b, 0x22];

/**
 * One part or more. With strict limits, and for an invalid event of a request, the record is one
 * event or invalid.
 */
export function readRecord(record: Sent, rules: Rules): readonly Part[] {
  const { value, headers, isTombstone = false } = record;
  if (isTombstone) return [whole({ ignored: 'tombstone' })];
  const missingId = (): string | null => recordIdOf(record, null);
  const isOneEvent = rules.limits.strict || Object.hasOwn(headers, refusedHeader);
  // What was accepted as one event is stored as one event.
  if (isOneEvent || Object.hasOwn(headers, requestHeader)) {
    const read = readEvent(value, { ...rules, missingId });
    if (isOneEvent || !isRejection(read)) return [whole(read)];
  }
  const known = headerAttributes(headers);
  return partsOf(withoutMark(value), {
    record,
    rules,
    known: known ?? {},
    changes: known === null ? [] : ['cloud_event'],
  });
}

type Reading = {
  readonly record: Sent;
  readonly rules: Rules;
  /** What headers say of the event. */
  readonly known: Known;
  /** That concern all parts. */
  readonly changes: readonly ChangeKind[];
};

const whole = (read: Read): Part => ({ read, piece: null });

function partsOf(bytes: Uint8Array, reading: Reading): readonly Part[] {
  const first = firstByte(bytes);
  if (first === openBracket) return listed(bytes, reading);
  if (first === openBrace) return oneOrLines(bytes, reading);
  if (first === quote) return quoted(bytes, reading);
  const data = bytes[0] === 0 ? bytes.subarray(5) : noBytes;
  if ([openBrace, openBracket].includes(firstByte(data)))
    return partsOf(data, changed(reading, 'schema_id'));
  const value = mayBeMessagePack(bytes) ? readMessagePack(bytes) : undefined;
  if (value !== undefined) return packed(value, changed(reading, 'message_pack'));
  return [whole(eventOfBytes(bytes, reading, null))];
}

const noBytes = new Uint8Array();
const changed = (reading: Reading, change: ChangeKind): Reading => ({
  ...reading,
  changes: [...reading.changes, change],
});

function listed(bytes: Uint8Array, reading: Reading): readonly Part[] {
  const items = splitArray(bytes, eventsPerRecordMax + 1);
  if (items === null || items.length === 0) return [whole(eventOfBytes(bytes, reading, null))];
  return pieces(items, reading);
}

/** One object, or one on each line. A line break may also stand inside of one object. */
function oneOrLines(bytes: Uint8Array, reading: Reading): readonly Part[] {
  const read = eventOfBytes(bytes, reading, null);
  const mayBeLines =
    'reason' in read && (read.reason === 'not_json' || read.reason === 'too_large');
  if (!mayBeLines) return [whole(read)];
  const [first, second] = splitLines(bytes, 2);
  if (first === undefined || second === undefined || !parseJson(first).ok) return [whole(read)];
  return pieces(splitLines(bytes, eventsPerRecordMax + 1), reading);
}

/** JSON in JSON, once. */
function quoted(bytes: Uint8Array, reading: Reading): readonly Part[] {
  const json = parseJson(bytes);
  const text = json.ok ? innerText(json.value) : null;
  if (text === null || reading.changes.includes('double_encoded'))
    return [whole(eventOfBytes(bytes, reading, null))];
  return partsOf(new TextEncoder().encode(text), changed(reading, 'double_encoded'));
}

function packed(value: unknown, reading: Reading): readonly Part[] {
  if (!Array.isArray(value) || value.length === 0) return [whole(eventIn(value, reading, null))];
  const items: readonly unknown[] = value;
  if (items.length > eventsPerRecordMax) return [whole(tooMany)];
  return items.map((item, index) => ({
    read: eventIn(item, severally(reading), index),
    piece: { index, value: new TextEncoder().encode(JSON.stringify(item)) },
  }));
}

function pieces(items: readonly Uint8Array[], reading: Reading): readonly Part[] {
  if (items.length > eventsPerRecordMax) return [whole(tooMany)];
  const each = severally(reading);
  return items.map((value, index) => ({
    read: eventOfBytes(value, each, index),
    piece: { index, value },
  }));
}

const tooMany = tooLarge(
  `more than ${eventsPerRecordMax} events in one record`,
  eventsPerRecordMax,
);

/** The id that a header names is that of the whole record. */
function severally(reading: Reading): Reading {
  const { event_type: type, timestamp: time } = reading.known;
  const known = { ...(type && { event_type: type }), ...(time && { timestamp: time }) };
  return { ...changed(reading, 'several_events'), known };
}

function eventOfBytes(bytes: Uint8Array, reading: Reading, index: number | null): Read {
  const { bytesMax } = reading.rules.limits;
  if (bytes.length > bytesMax) return tooLarge(`${bytes.length} bytes`, bytesMax);
  const json = parseJson(bytes);
  return json.ok
    ? eventIn(json.value, reading, index)
    : undecodable(foreignBytes(bytes) ?? foreignText(bytes) ?? json.message);
}

function eventIn(value: unknown, reading: Reading, index: number | null): Read {
  const { record, rules, known, changes } = reading;
  const found = unwrapped(value, known);
  if ('ignored' in found) return found;
  const missingId = (): string | null => recordIdOf(record, index);
  const read = eventOf(found.value, { ...rules, missingId }, [...changes, ...found.changes]);
  const system = isRejection(read) ? foreignSystem(found.value) : null;
  if (system === null || !isRejection(read)) return read;
  const advice = `It looks like an event of ${system}: write it as docs/events.md says`;
  return { ...read, message: `${read.message}. ${advice}` };
}

/** Without the byte-order mark of UTF-8. */
const withoutMark = (bytes: Uint8Array): Uint8Array =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;

/** The first byte after white space; -1 without any. */
const firstByte = (bytes: Uint8Array): number =>
  bytes.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) ?? -1;
