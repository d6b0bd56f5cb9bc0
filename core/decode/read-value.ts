// Turns a JSON value of a record into its events: by itself, out of an envelope, or by a mapping.

import { isDeeperThan } from '#core/event/json-guard.ts';
import type { ChangeKind } from '#core/event/known-members.ts';
import {
  eventOf,
  type EventLimits,
  invalidEvent,
  isRejection,
  type ReadEvent,
  tooLarge,
} from '#core/event/parse-event.ts';
import {
  firstTopicOf,
  type PlacedRecord,
  pieceOf,
  recordIdOf,
  requestHeader,
} from '#core/event/record-id.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { elementsMax, type ItemPlace } from '#core/mapping/item-places.ts';
import type { RecordFacts } from '#core/mapping/record-columns.ts';
import type { MappingSet, RecordMapping } from '#core/mapping/record-mapping.ts';
import type { DeletedSubject, LogRecord, Rejection } from '#core/ports.ts';
import { type IgnoredKind, type Known, unwrapped } from './envelopes.ts';
import { foreignAdvice } from './foreign-shapes.ts';
import { readDelete } from './read-delete.ts';

/** What is read from a value that is in no envelope. */
export type EventRead = ReadEvent | Rejection | { readonly ignored: IgnoredKind };
/** Or what the record deletes, see `readDelete`. */
export type Read = EventRead | { readonly deletes: DeletedSubject };

/** A record with one event, or one event of several. */
export type Part<R = Read> = {
  readonly read: R;
  /** The place and bytes of one event of several; `null` for a whole record. */
  readonly piece: { readonly index: string; value(): Uint8Array } | null;
};

export type ReadRules = {
  readonly now: number;
  readonly limits: EventLimits;
  readonly mappings: MappingSet;
};
export type SentRecord = PlacedRecord & Pick<LogRecord, 'key' | 'value' | 'isTombstone'>;

export type Reading = {
  readonly record: SentRecord;
  readonly rules: ReadRules;
  /** What headers say of the event. */
  readonly known: Known;
  /** The mapping that the sender names, or the one of the topic. */
  readonly named: RecordMapping | null;
  /** Changes that concern all parts. */
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

/** A value that may be in an envelope, and headers that may say more of it. */
export function eventsIn(value: unknown, sent: Reading, piece: Part['piece']): readonly Part[] {
  const found = unwrapped(value, sent.known);
  if ('ignored' in found) {
    const { record, named, rules } = sent;
    const mappings = named === null ? rules.mappings.tried : [named];
    // Whoever may send events to the gateway need not be allowed to erase them.
    const isRequest = Object.hasOwn(record.headers, requestHeader);
    return [{ read: readDelete(found, factsOf(record), isRequest ? [] : mappings), piece }];
  }
  return eventsOf(found.value, changed(sent, ...found.changes), piece);
}

/**
 * Reads a valid event in VectorStream's event format as it is. It reads other events by the named
 * mapping, or by the first that is for them.
 */
export function eventsOf(
  value: unknown,
  reading: Reading,
  piece: Part['piece'],
): readonly Part<EventRead>[] {
  const own = looksOwn(value) ? ownEvent(value, reading, piece) : null;
  if (own !== null && !isRejection(own)) return [{ read: own, piece }];
  const chosen = chosenMapping(value, reading);
  if ('mapping' in chosen)
    return mappedEvents(value, chosen.mapping, changed(reading, 'mapped'), piece);
  const read = own ?? ownEvent(value, reading, piece);
  if (!isRejection(read)) return [{ read, piece }];
  const message = [read.message, chosen.advice ?? foreignAdvice(value)].filter(Boolean).join('. ');
  return [{ read: { ...read, message }, piece }];
}

const looksOwn = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'event_type' in value && 'user_id' in value;

function ownEvent(
  value: unknown,
  { record, rules, changes }: Reading,
  piece: Part['piece'],
): ReadEvent | Rejection {
  const missingId = (): string | null => recordIdOf(record, piece?.index ?? null);
  return eventOf(value, { ...rules, missingId }, [...changes]);
}

/** The named mapping, or the first that is for the value; otherwise, what the closest one lacks. */
function chosenMapping(
  value: unknown,
  { named, record, rules }: Reading,
): { readonly mapping: RecordMapping } | { readonly advice: string | null } {
  if (named !== null) return { mapping: named };
  let closest = { name: '', score: 0, message: '' };
  for (const mapping of rules.mappings.tried) {
    const unmet = mapping.unmet(value, factsOf(record));
    if (unmet === null) return { mapping };
    if (unmet.score > closest.score) closest = { name: mapping.name, ...unmet };
  }
  const { name, score, message } = closest;
  return { advice: score > 0 ? `The closest mapping is ${name}: ${message}` : null };
}

export const factsOf = (record: SentRecord): RecordFacts => ({
  key: record.key,
  headers: record.headers,
  timestamp: record.timestamp,
  topic: firstTopicOf(record),
});

function mappedEvents(
  value: unknown,
  mapping: RecordMapping,
  reading: Reading,
  piece: Part['piece'],
): readonly Part<EventRead>[] {
  const other = reading.named === null ? null : mapping.unmetByValue(value);
  if (other !== null)
    return [{ read: invalidEvent(`${other.message} by the mapping ${mapping.name}`), piece }];
  const places = itemsIn(value, mapping, reading);
  if (places !== null && 'reason' in places) return [{ read: places, piece }];
  const place = piece?.index ?? pieceOf(reading.record.headers);
  const facts = factsOf(reading.record);
  return (places ?? [null]).map((itemPlace, at): Part<EventRead> => {
    const item = itemPlace === null ? value : mapping.itemAt(value, itemPlace);
    const result = mapping.eventOf(item, facts);
    const index = itemPlace === null ? place : place === null ? String(at) : `${place}.${at}`;
    const itemPiece =
      itemPlace !== null && index !== null
        ? { index, value: () => bytesOf(mapping.itemAt(value, itemPlace)) }
        : piece;
    if ('turnedAway' in result) {
      const { reason, detail } = result.turnedAway;
      const read: EventRead = result.byRule
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

/**
 * Where the items of the list are; `null` for a value without a list. Every item carries the rest
 * of its record, which must not fill the memory or the stack.
 */
function itemsIn(
  value: unknown,
  mapping: RecordMapping,
  { record, rules }: Reading,
): readonly ItemPlace[] | Rejection | null {
  const { depthMax } = rules.limits;
  if (mapping.hasItems && isDeeperThan(depthMax, value))
    return invalidEvent(
      `got nesting of more than ${depthMax} levels, allowed: at most ${depthMax}`,
    );
  const places = mapping.placesOf(value, eventsPerRecordMax);
  if (places === null) return null;
  if (places === 'too-many-items') return tooMany;
  if (places === 'too-many-elements')
    return tooLarge(`more than ${elementsMax} elements in the lists of one record`, elementsMax);
  const [first] = places;
  if (first === undefined) return refused(mapping, 'no items', 'an empty list');
  const count = places.length;
  if (count * record.value.length <= itemBytesMax) return places;
  const bytesAt = (place: ItemPlace): number => bytesOf(mapping.itemAt(value, place)).length;
  const tooMuch = tooLarge(
    `${count} items that take more than ${itemBytesMax} bytes with the rest of the record`,
    itemBytesMax,
  );
  // The first tells of most lists. In lists in lists, the rest differs from item to item.
  if (count * bytesAt(first) > itemBytesMax) return tooMuch;
  let bytes = 0;
  for (const place of places) {
    bytes += bytesAt(place);
    if (bytes > itemBytesMax) return tooMuch;
  }
  return places;
}

const itemBytesMax = 16 * 1024 * 1024;
const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function refused({ name }: RecordMapping, reason: string, detail: string): Rejection {
  return invalidEvent(`got ${detail} (${reason}), allowed: what the mapping ${name} can read`);
}
