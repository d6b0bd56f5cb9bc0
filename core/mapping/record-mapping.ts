// Compiles a mapping to a function of a JSON value, for the records of a topic: which events, in
// the own shape, the value has.

import { parseExactly } from '#core/event/exact-json.ts';
import { parseTimestamp, timestampOfUnix, withOffset } from '#core/event/timestamp.ts';
import { zoneOffset } from '#core/time/zone-offset.ts';
import { type DateReader, dateReader } from './dates.ts';
import { appliesTo, rowMapper, type TurnedAway } from './map-row.ts';
import type { Mapping } from './mapping.ts';
import { member, memberText } from './member-text.ts';

export type MappedEvent = {
  /** A JSON value in the own shape, or why there is none. */
  readonly result:
    | { readonly event: Readonly<Record<string, unknown>> }
    | { readonly turnedAway: TurnedAway; readonly byRule: boolean };
  /** What it was made of: with `each`, the value with one item in the place of the list. */
  readonly from: unknown;
};

export type RecordMapping = {
  readonly name: string;
  /** Whether it makes an event of each item of a list. */
  readonly hasItems: boolean;
  applies(value: unknown): boolean;
  /** `isList`: there is a result for each item of a list. */
  map(value: unknown): { readonly items: readonly MappedEvent[]; readonly isList: boolean };
};

/** @throws UsageError for an invalid template, date format or time zone */
export function recordMapping(mapping: Mapping): RecordMapping {
  const columns: string[] = [];
  const resolve = (column: string): number => {
    const index = columns.indexOf(column);
    return index >= 0 ? index : columns.push(column) - 1;
  };
  const applies = appliesTo(mapping.applies_to ?? [], resolve);
  const reading = { decimal: mapping.decimal ?? 'point', date: dateOf(mapping) } as const;
  const toEvent = rowMapper(mapping, resolve, reading);
  const members = columns.map(memberText);
  const rowOf = (value: unknown): string[] => members.map((of) => of(value));
  const ruleReasons = new Set(mapping.turn_away?.map(({ reason }) => reason));
  const list = mapping.each?.slice(1, -1).split('.') ?? null;
  const resultOf = (from: unknown): MappedEvent['result'] => {
    const mapped = toEvent(rowOf(from), null);
    return typeof mapped === 'string'
      ? { event: Object(parseExactly(mapped)) }
      : { turnedAway: mapped, byRule: ruleReasons.has(mapped.reason) };
  };

  return {
    name: mapping.name,
    hasItems: list !== null,
    applies: (value) => applies(rowOf(value)),
    map(value) {
      const found = list?.reduce(member, value);
      const isList = list !== null && Array.isArray(found);
      const items: readonly unknown[] = isList
        ? found.map((item: unknown) => replaced(value, list, item))
        : [value];
      return { isList, items: items.map((from) => ({ from, result: resultOf(from) })) };
    },
  };
}

/** The value with the item in the list's place. */
function replaced(value: unknown, [name, ...path]: readonly string[], item: unknown): unknown {
  if (name === undefined) return item;
  const inner = replaced(member(value, name), path, item);
  return typeof value === 'object' ? { ...value, [name]: inner } : value;
}

/** By the mapping's format; without one, any time that an event may have. */
function dateOf({ date_format: format, time_zone: zone = 'UTC' }: Mapping): DateReader {
  if (format !== undefined) return dateReader(format, zone);
  const offset = zoneOffset(zone);
  return (text) => {
    const time = parseTimestamp(timestampOfUnix(text) ?? withOffset(text, offset));
    return time.ok ? time.ms : null;
  };
}
