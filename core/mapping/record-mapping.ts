// Compiles a mapping for the records of a topic to functions of a JSON value. They give the events
// that the value holds, in VectorStream's event format, and say what a record deletes.

import { storedIdOf } from '#core/event/event-id.ts';
import { wireEventSchema } from '#core/event/event-schema.ts';
import { parseTimestamp, unixMs, withOffset } from '#core/event/timestamp.ts';
import type { DeletedSubject } from '#core/ports.ts';
import { zoneOffset } from '#core/time/zone-offset.ts';
import { type TurnedAway, type Unmet, unmetOf } from './conditions.ts';
import { type DateReader, dateReader } from './dates.ts';
import { itemAt, type ItemPlace, itemPlaces } from './item-places.ts';
import { eventMapper, rowCleaner } from './map-row.ts';
import {
  type ConditionSpec,
  type DeletionSpec,
  deletionOf,
  type Mapping,
  type TopicMapping,
} from './mapping.ts';
import { columnReader, isAboutRecord, type RecordFacts } from './record-columns.ts';
import { firstOf, type Resolve } from './template.ts';

/** An event in VectorStream's event format, or why there is none. */
export type MappedEvent =
  | { readonly event: Readonly<Record<string, unknown>> }
  | { readonly turnedAway: TurnedAway; readonly byRule: boolean };

export type RecordMapping = {
  readonly name: string;
  /** Whether it makes an event of each item of a list. */
  readonly hasItems: boolean;
  /** The first condition that this record does not meet; `null` if the mapping is for it. */
  unmet(value: unknown, record: RecordFacts): Unmet | null;
  /** Does the same as `unmet` for a named mapping: what is around the value does not matter. */
  unmetByValue(value: unknown): Unmet | null;
  /** The places of the items of `each`, see `itemPlaces`; `null` without `each` or a list. */
  placesOf(value: unknown, itemsMax: number): ReturnType<typeof itemPlaces>;
  /** The value with the item at this place instead of the list. */
  itemAt(value: unknown, place: ItemPlace): unknown;
  eventOf(item: unknown, record: RecordFacts | null): MappedEvent;
  /**
   * What a record without an event deletes; `null` for nothing. Of the mapping's conditions, those
   * on the record count. `row`: what is left of the row that was deleted.
   */
  deletedBy(row: unknown, record: RecordFacts): DeletedSubject | null;
};

export type MappingSet = {
  /** Mappings in the order in which they are tried. */
  readonly tried: readonly RecordMapping[];
  /** The names of all mappings that `named` knows. */
  readonly names: readonly string[];
  /** One of those that are tried, or a ready-made one; `null` for another name. */
  named(name: string): RecordMapping | null;
  /** The one for everything that this topic holds; `null` without one. */
  ofTopic(topic: string): RecordMapping | null;
};
export const noMappings: MappingSet = {
  tried: [],
  names: [],
  named: () => null,
  ofTopic: () => null,
};

/** @throws UsageError for an invalid template, date format or time zone */
export function recordMapping(mapping: TopicMapping): RecordMapping {
  const { name, event } = mapping;
  const deletedBy = deletionReader(mapping);
  return event === undefined
    ? { ...withoutEvents, name, deletedBy }
    : { ...eventReader({ ...mapping, event }), name, deletedBy };
}

const onlyDeletes: Unmet = { score: 0, message: 'got a value, allowed: a deleted record' };
const withoutEvents: Omit<RecordMapping, 'name' | 'deletedBy'> = {
  hasItems: false,
  unmet: () => onlyDeletes,
  unmetByValue: () => onlyDeletes,
  placesOf: () => null,
  itemAt: (value) => value,
  eventOf: () => ({
    turnedAway: { reason: 'only for deletes', detail: onlyDeletes.message },
    byRule: false,
  }),
};

function eventReader({
  applies_to: conditions = [],
  ...mapping
}: Mapping): Omit<RecordMapping, 'name' | 'deletedBy'> {
  const unmet = compiledUnmet(conditions);
  const unmetByValue = compiledUnmet(conditions.filter(({ when }) => !isAboutRecord(when)));
  const columns = newColumns();
  const reading = { decimal: mapping.decimal ?? 'point', date: dateOf(mapping) } as const;
  const toEvent = eventMapper(mapping, columns.resolve, reading);
  const rowOf = columns.reader();
  const ruleReasons = new Set(mapping.turn_away?.map(({ reason }) => reason));
  const list = mapping.each?.slice(1, -1).split('.') ?? null;

  return {
    hasItems: list !== null,
    unmet,
    unmetByValue: (value) => unmetByValue(value, null),
    placesOf: (value, itemsMax) => (list === null ? null : itemPlaces(value, list, itemsMax)),
    itemAt: (value, place) => (list === null ? value : itemAt(value, list, place)),
    eventOf(item, record) {
      const mapped = toEvent(rowOf(item, record));
      return 'event' in mapped
        ? mapped
        : { ...mapped, byRule: ruleReasons.has(mapped.turnedAway.reason) };
    },
  };
}

function deletionReader(mapping: TopicMapping): RecordMapping['deletedBy'] {
  const spec = deletionOf(mapping);
  if (spec === null) return () => null;
  const conditions = (mapping.applies_to ?? []).filter(({ when }) => isAboutRecord(when));
  const unmet = compiledUnmet(conditions);
  const columns = newColumns();
  const idOf = firstOf(spec.id, columns.resolve);
  const rowOf = columns.reader();
  const clean = rowCleaner(mapping);
  return (row, record) => {
    if (unmet(null, record) !== null) return null;
    const id = idOf(clean(rowOf(row, record)));
    return wireEventSchema.shape.user_id.safeParse(id).success ? subjectOf(spec.by, id) : null;
  };
}

function subjectOf(by: DeletionSpec['by'], id: string): DeletedSubject {
  if (by === 'event_id') return { kind: 'event', id: storedIdOf(id) };
  return { kind: by === 'user_id' ? 'user' : 'product', id };
}

function compiledUnmet(
  conditions: readonly ConditionSpec[],
): (value: unknown, record: RecordFacts | null) => Unmet | null {
  const columns = newColumns();
  const unmet = unmetOf(conditions, columns.resolve);
  const rowOf = columns.reader();
  return (value, record) => unmet(rowOf(value, record));
}

/** Collects the columns that templates name; `reader` reads them all. */
function newColumns() {
  const names: string[] = [];
  const resolve: Resolve = (column) => {
    const index = names.indexOf(column);
    return index >= 0 ? index : names.push(column) - 1;
  };
  const reader = () => {
    const readers = names.map(columnReader);
    return (value: unknown, record: RecordFacts | null): string[] =>
      readers.map((of) => of(value, record));
  };
  return { resolve, reader };
}

/** Reads dates in the mapping's format. Without one: any time of an event, or one of RFC 2822. */
export function dateOf({
  date_format: format,
  time_zone: zone = 'UTC',
}: Pick<Mapping, 'date_format' | 'time_zone'>): DateReader {
  if (format !== undefined) return dateReader(format, zone);
  const offset = zoneOffset(zone);
  return (text) => {
    const unix = unixMs(text);
    if (unix !== null) return unix;
    const time = parseTimestamp(withOffset(text, offset));
    return time.ok ? time.ms : rfc2822(text);
  };
}

/** The dates of mail and HTTP: `Mon, 23 Nov 2026 10:00:00 GMT`. */
const rfc2822 = dateReader('[EEE, ]d MMM yyyy H:mm[:ss] Z', 'UTC');
