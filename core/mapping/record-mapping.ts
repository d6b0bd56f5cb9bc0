// Compiles a mapping for the records of a topic to functions of a JSON value. They give the events
// that the value holds, in VectorStream's event format.

import { parseTimestamp, unixMs, withOffset } from '#core/event/timestamp.ts';
import { zoneOffset } from '#core/time/zone-offset.ts';
import { type TurnedAway, type Unmet, unmetOf } from './conditions.ts';
import { type DateReader, dateReader } from './dates.ts';
import { itemAt, type ItemPlace, itemPlaces } from './item-places.ts';
import { eventMapper } from './map-row.ts';
import type { ConditionSpec, Mapping } from './mapping.ts';
import { columnReader, isAboutRecord, type RecordFacts } from './record-columns.ts';
import type { Resolve } from './template.ts';

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
};

export type MappingSet = {
  /** Mappings in the order in which they are tried. */
  readonly tried: readonly RecordMapping[];
  /** The names of all mappings that `named` knows. */
  readonly names: readonly string[];
  /** One of those that are tried, or a ready-made one; `null` for another name. */
  named(name: string): RecordMapping | null;
};
export const noMappings: MappingSet = { tried: [], names: [], named: () => null };

/** @throws UsageError for an invalid template, date format or time zone */
export function recordMapping({ applies_to: conditions = [], ...mapping }: Mapping): RecordMapping {
  const unmet = compiledUnmet(conditions);
  const unmetByValue = compiledUnmet(conditions.filter(({ when }) => !isAboutRecord(when)));
  const columns = newColumns();
  const reading = { decimal: mapping.decimal ?? 'point', date: dateOf(mapping) } as const;
  const toEvent = eventMapper(mapping, columns.resolve, reading);
  const rowOf = columns.reader();
  const ruleReasons = new Set(mapping.turn_away?.map(({ reason }) => reason));
  const list = mapping.each?.slice(1, -1).split('.') ?? null;

  return {
    name: mapping.name,
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
