// Compiles a mapping to a function of a JSON value, for the records of a topic: which events, in
// the own shape, the value has.

import { parseTimestamp, unixMs, withOffset } from '#core/event/timestamp.ts';
import { zoneOffset } from '#core/time/zone-offset.ts';
import { type TurnedAway, type Unmet, unmetOf } from './conditions.ts';
import { type DateReader, dateReader } from './dates.ts';
import { eventMapper } from './map-row.ts';
import type { ConditionSpec, Mapping } from './mapping.ts';
import { member } from './member-text.ts';
import { columnReader, isAboutRecord, type RecordFacts } from './record-columns.ts';
import type { Resolve } from './template.ts';

/** A JSON value in the own shape, or why there is none. */
export type MappedEvent =
  | { readonly event: Readonly<Record<string, unknown>> }
  | { readonly turnedAway: TurnedAway; readonly byRule: boolean };

export type RecordMapping = {
  readonly name: string;
  /** Whether it makes an event of each item of a list. */
  readonly hasItems: boolean;
  /** Whether it is for this record; `null` if it is. */
  unmet(value: unknown, record: RecordFacts): Unmet | null;
  /** As `unmet`, for a mapping that is named: what is around the value does not matter. */
  unmetByValue(value: unknown): Unmet | null;
  /** With `each`, the value with an item in the place of its list, for each item; else itself. */
  itemsOf(value: unknown): { readonly items: readonly unknown[]; readonly isList: boolean };
  eventOf(item: unknown, record: RecordFacts | null): MappedEvent;
};

export type MappingSet = {
  /** In the order in which they are tried. */
  readonly tried: readonly RecordMapping[];
  /** Of all that `named` knows. */
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
    itemsOf: (value) =>
      list !== null && hasList(value, list)
        ? { items: itemsAt(value, list), isList: true }
        : { items: [value], isList: false },
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

function hasList(value: unknown, [name, ...path]: readonly string[]): boolean {
  return Array.isArray(value) || (name !== undefined && hasList(member(value, name), path));
}

/** There may be lists in lists: `{orders.items}` of `{orders: [{items: [1, 2]}]}`. */
function itemsAt(value: unknown, path: readonly string[]): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => itemsAt(item, path));
  const [name, ...rest] = path;
  const inner = name === undefined ? undefined : member(value, name);
  if (name === undefined || inner === undefined) return [value];
  return itemsAt(inner, rest).map((item) => ({ ...Object(value), [name]: item }));
}

/** By the mapping's format; without one, any time that an event may have, or one of RFC 2822. */
function dateOf({
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

/** As in mail and HTTP: `Mon, 23 Nov 2026 10:00:00 GMT`. */
const rfc2822 = dateReader('[EEE, ]d MMM yyyy H:mm[:ss] Z', 'UTC');
