// Turns a JSON value of a record into its events: by itself, out of an envelope, or by a mapping.

import type { ChangeKind } from '#core/event/known-members.ts';
import {
  eventOf,
  type EventLimits,
  invalidEvent,
  isRejection,
  type ReadEvent,
  tooLarge,
} from '#core/event/parse-event.ts';
import { type PlacedRecord, pieceOf, recordIdOf } from '#core/event/record-id.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { RecordMapping } from '#core/mapping/record-mapping.ts';
import type { LogRecord, Rejection } from '#core/ports.ts';
import { type IgnoredKind, type Known, unwrapped } from './envelopes.ts';
import { foreignSystem } from './foreign-shapes.ts';

export type Read = ReadEvent | Rejection | { readonly ignored: IgnoredKind };

/** A record with one event, or one event of several. */
export type Part = {
  readonly read: Read;
  /** Of several: its place and its bytes. `null` for a whole record. */
  readonly piece: { readonly index: string; value(): Uint8Array } | null;
};

export type ReadRules = {
  readonly now: number;
  readonly limits: EventLimits;
  /** In the order in which they are tried. */
  readonly mappings: readonly RecordMapping[];
};
export type SentRecord = PlacedRecord & Pick<LogRecord, 'value' | 'isTombstone'>;

export type Reading = {
  readonly record: SentRecord;
  readonly rules: ReadRules;
  /** What headers say of the event. */
  readonly known: Known;
  /** That concern all parts. */
  readonly changes: readonly ChangeKind[];
};

export const changed = (reading: Reading, ...changes: readonly ChangeKind[]): Reading => ({
  ...reading,
  changes: [...reading.changes, ...changes],
});

/** All events of a record are in memory together. */
export const eventsPerRecordMax = 5000;
export const tooMany = tooLarge(
  `more than ${eventsPerRecordMax} events in one record`,
  eventsPerRecordMax,
);

/** A valid event in the own shape is read as it is. The first mapping that applies reads others. */
export function eventsIn(value: unknown, sent: Reading, piece: Part['piece']): readonly Part[] {
  const found = unwrapped(value, sent.known);
  if ('ignored' in found) return [{ read: found, piece }];
  const reading = changed(sent, ...found.changes);
  const mapping = reading.rules.mappings.find((each) => each.applies(found.value));
  if (mapping === undefined || looksOwn(found.value)) {
    const read = ownEvent(found.value, reading, piece);
    if (mapping === undefined || !isRejection(read)) return [{ read, piece }];
  }
  return mappedEvents(found.value, mapping, changed(reading, 'mapped'), piece);
}

const looksOwn = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'event_type' in value && 'user_id' in value;

function ownEvent(
  value: unknown,
  { record, rules, changes }: Reading,
  piece: Part['piece'],
): ReadEvent | Rejection {
  const missingId = (): string | null => recordIdOf(record, piece?.index ?? null);
  const read = eventOf(value, { ...rules, missingId }, [...changes]);
  const system = isRejection(read) ? foreignSystem(value) : null;
  if (system === null || !isRejection(read)) return read;
  const advice = `It looks like an event of ${system}: docs/events.md says how to map it`;
  return { ...read, message: `${read.message}. ${advice}` };
}

function mappedEvents(
  value: unknown,
  mapping: RecordMapping,
  reading: Reading,
  piece: Part['piece'],
): readonly Part[] {
  const { items, isList } = mapping.map(value);
  if (items.length > eventsPerRecordMax) return [{ read: tooMany, piece }];
  if (items.length === 0) return [{ read: refused(mapping, 'no items', 'an empty list'), piece }];
  const place = piece?.index ?? pieceOf(reading.record.headers);
  return items.map(({ from, result }, at) => {
    const index = !isList ? place : place === null ? String(at) : `${place}.${at}`;
    const itemPiece =
      isList && index !== null
        ? { index, value: () => new TextEncoder().encode(JSON.stringify(from)) }
        : piece;
    if ('turnedAway' in result) {
      const { reason, detail } = result.turnedAway;
      const read: Read = result.byRule
        ? { ignored: 'turned_away' }
        : refused(mapping, reason, detail);
      return { read, piece: itemPiece };
    }
    const { event_id: id } = result.event;
    // The mapping gives all items the id of their record.
    const own = mapping.hasItems && typeof id === 'string';
    const event = own
      ? { ...result.event, event_id: uuidV5(`item/${id}/${index ?? 0}`) }
      : result.event;
    return { read: ownEvent(event, reading, itemPiece), piece: itemPiece };
  });
}

function refused({ name }: RecordMapping, reason: string, detail: string): Rejection {
  return invalidEvent(`got ${detail} (${reason}), allowed: what the mapping ${name} can read`);
}
