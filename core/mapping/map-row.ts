// Maps one row to the JSON of an event, or to the reason why the row is turned away. It never
// throws because of a row.

import { plainUtc } from '#core/event/plain-utc.ts';
import { compileRule, shown, type TurnedAway, unmetOf } from './conditions.ts';
import type { DateReader } from './dates.ts';
import type { AmountSpec, FieldSpec, Mapping } from './mapping.ts';
import { type Decimal, readNumber } from './numbers.ts';
import { firstOf, type Resolve, type Row, template } from './template.ts';

export type Reading = { readonly decimal: Decimal; readonly date: DateReader };
export type Mapped =
  | { readonly event: Readonly<Record<string, unknown>> }
  | { readonly turnedAway: TurnedAway };
/** The JSON of the row's event, with this id. */
export type RowMapper = (row: Row, eventId: string) => string | TurnedAway;

type Field<T> = (row: Row) => T | undefined | TurnedAway;

/** @throws UsageError for an invalid template or pattern */
export function rowMapper(mapping: Mapping, resolve: Resolve, reading: Reading): RowMapper {
  const eventOf = eventMapper(mapping, resolve, reading);
  return (row, eventId) => {
    const mapped = eventOf(row);
    return 'turnedAway' in mapped
      ? mapped.turnedAway
      : JSON.stringify({ event_id: eventId, ...mapped.event });
  };
}

/** @throws UsageError for an invalid template or pattern */
export function eventMapper(
  mapping: Mapping,
  resolve: Resolve,
  reading: Reading,
): (row: Row) => Mapped {
  const rules = (mapping.turn_away ?? []).map((rule) =>
    compileRule(rule, resolve, reading.decimal),
  );
  const { product, timestamp, ...rest } = mapping.event;
  const amounts = ['quantity', 'total_amount', 'view_duration'] as const;
  const texts = [
    ...(['event_id', 'event_type', 'user_id', 'session_id'] as const),
    ...(['search_query', 'payment_method'] as const),
  ];

  const fields: (readonly [string, Field<unknown>])[] = [
    ['timestamp', dateField(firstOf(timestamp, resolve), reading.date)],
  ];
  for (const name of texts) {
    const spec = rest[name];
    if (spec !== undefined)
      fields.push([name, textField(name, spec, resolve, !optionalTexts.has(name))]);
  }
  for (const name of amounts)
    if (rest[name] !== undefined)
      fields.push([name, amountField(name, rest[name], resolve, reading.decimal, false)]);
  for (const [name, spec] of Object.entries(mapping.extra ?? {}))
    fields.push([name, textField(name, spec, resolve, false)]);
  const productFields: (readonly [string, Field<unknown>])[] =
    product === undefined
      ? []
      : [
          ['id', textField('product id', product.id, resolve, true)],
          ['name', textField('product name', product.name, resolve, true)],
          ...(['description', 'category'] as const).flatMap((name) => {
            const spec = product[name];
            return spec === undefined
              ? []
              : [[name, textField(`product ${name}`, spec, resolve, false)] as const];
          }),
          ['price', amountField('product price', product.price, resolve, reading.decimal, true)],
        ];

  const clean = rowCleaner(mapping);
  const unmet = unmetOf(mapping.applies_to ?? [], resolve);
  return (sent) => {
    const row = clean(sent);
    const other = unmet(row);
    if (other !== null)
      return { turnedAway: { reason: 'not for this mapping', detail: other.message } };
    for (const rule of rules) {
      const turnedAway = rule(row);
      if (turnedAway !== null) return { turnedAway };
    }
    const mapped = read(fields, row);
    if (product === undefined || 'turnedAway' in mapped) return mapped;
    const { event } = mapped;
    const productRead = read(productFields, row);
    if ('event' in productRead) return { event: { ...event, product: productRead.event } };
    // A search has a query; its product columns may be empty.
    const isQuery = event['event_type'] === 'search' && event['search_query'] !== undefined;
    return isQuery ? mapped : productRead;
  };
}

/** Empties the columns whose whole text is one of the mapping's words for nothing. */
export function rowCleaner({ nulls }: Pick<Mapping, 'nulls'>): (row: Row) => Row {
  if (nulls === undefined) return (row) => row;
  const words = new Set(nulls);
  return (row) => row.map((text) => (words.has(text.trim()) ? '' : text));
}

/** The texts of the numeric columns, for detecting the decimal sign. */
export function amountTexts(mapping: Mapping, resolve: Resolve): (row: Row) => string[] {
  const { product, quantity, total_amount: total, view_duration: duration } = mapping.event;
  const templates = [product?.price, quantity, total, duration]
    .flatMap((spec) => (spec === undefined ? [] : partsOf(spec)))
    .map((text) => template(text, resolve));
  return (row) => templates.map((of) => of(row));
}

const optionalTexts: ReadonlySet<string> = new Set([
  'event_id',
  'session_id',
  'search_query',
  'payment_method',
]);

export function isTurnedAway(value: object | string): value is TurnedAway {
  return typeof value === 'object' && 'reason' in value && 'detail' in value;
}

function read(fields: readonly (readonly [string, Field<unknown>])[], row: Row): Mapped {
  const event: Record<string, unknown> = {};
  for (const [name, of] of fields) {
    const value = of(row);
    if (value === undefined) continue;
    if (typeof value === 'object' && value !== null && isTurnedAway(value))
      return { turnedAway: value };
    event[name] = value;
  }
  return { event };
}

function textField(
  name: string,
  spec: FieldSpec,
  resolve: Resolve,
  required: boolean,
): Field<string> {
  const mapped = typeof spec === 'object' && 'from' in spec ? spec : null;
  const of = firstOf(typeof spec === 'object' && 'from' in spec ? spec.from : spec, resolve);
  const values = mapped === null ? null : new Map(Object.entries(mapped.map));
  return (row) => {
    const text = of(row);
    if (text === '' && mapped?.otherwise === undefined)
      return required ? { reason: `no ${name}`, detail: 'empty' } : undefined;
    if (values === null) return text;
    return (
      values.get(text) ??
      mapped?.otherwise ?? {
        reason: `${name} without a meaning in the mapping`,
        detail: shown(text),
      }
    );
  };
}

function dateField(of: (row: Row) => string, date: DateReader): Field<string> {
  return (row) => {
    const text = of(row);
    const time = text === '' ? null : date(text);
    if (text === '') return { reason: 'no timestamp', detail: 'empty' };
    return time === null
      ? { reason: 'timestamp not readable', detail: shown(text) }
      : plainUtc(time);
  };
}

function amountField(
  name: string,
  spec: AmountSpec,
  resolve: Resolve,
  decimal: Decimal,
  required: boolean,
): Field<number> {
  if (typeof spec === 'number') return () => spec;
  if (Array.isArray(spec)) return firstAmount(name, spec, { resolve, decimal, required });
  const templates = partsOf(spec).map((text) => template(text, resolve));
  return (row) => {
    let result = 1;
    for (const of of templates) {
      const text = of(row);
      if (text === '') return required ? { reason: `no ${name}`, detail: 'empty' } : undefined;
      const value = readNumber(text, decimal);
      if (value === null) return { reason: `${name} not readable`, detail: shown(text) };
      result *= value;
    }
    // 2 × 7.65 is 15.3, not 15.299999…; no price needs more than millionths.
    return templates.length === 1 ? result : Math.round(result * 1e6) / 1e6;
  };
}

/** The first that is not empty. */
function firstAmount(
  name: string,
  specs: readonly (string | number)[],
  how: { readonly resolve: Resolve; readonly decimal: Decimal; readonly required: boolean },
): Field<number> {
  const fields = specs.map((spec) => amountField(name, spec, how.resolve, how.decimal, false));
  const none = how.required ? { reason: `no ${name}`, detail: 'empty' } : undefined;
  return (row) => {
    for (const of of fields) {
      const value = of(row);
      if (value !== undefined) return value;
    }
    return none;
  };
}

function partsOf(spec: AmountSpec): string[] {
  if (typeof spec === 'number') return [];
  if (typeof spec === 'string') return [spec];
  if (Array.isArray(spec)) return spec.filter((part) => typeof part === 'string');
  return spec.multiply;
}
