// Drafts a mapping from sample records of an unknown system, by the names of their members and what
// is in them. A person reads it before it is used.

import { UsageError } from '#core/errors/errors.ts';
import { printable } from '#core/event/json-guard.ts';
import { eventTypes } from '#core/ports.ts';
import { columnsOf, eventTypeOf, isTime, roles } from './column-roles.ts';
import { detectDateFormat } from './dates.ts';
import { detectDecimal } from './numbers.ts';
import { type Sample, type SampleColumn, sampleColumns } from './sample-columns.ts';

export type Draft = {
  /** What `parseMapping` accepts. */
  readonly mapping: Readonly<Record<string, unknown>>;
  /** What was guessed without a column for it, in sentences. */
  readonly guesses: readonly string[];
};

/** Records of a topic have a time, and perhaps a key; those of a file have neither. */
export type SampleSource = 'topic' | 'file';

/** Guesses on the way. */
type Notes = string[];
type Columns = readonly SampleColumn[];

const braced = ({ name }: SampleColumn): string => `{${name}}`;

/**
 * @param now UTC ms: the time of events of a file without any
 * @throws UsageError when the records show neither a product nor a search
 */
export function draftMapping(
  records: readonly unknown[],
  { from, now }: { readonly from: SampleSource; readonly now: number },
): Draft {
  const sample = sampleColumns(records);
  const list = listOfProducts(sample);
  const inScope = sample.columns.filter(({ list: own }) => own === '' || isWithin(list, own));
  const ofRecord = inScope.filter((column) => column.list === '');
  const guesses: Notes = [];
  const [query] = columnsOf(roles.query, inScope);
  const product = productOf(inScope, list, guesses);
  if (product === null && query === undefined) {
    const names = sample.columns.slice(0, 40).map(({ name }) => printable(name, 64));
    throw new UsageError(
      'No member looks like the id of a product or a search; found ' +
        `${names.join(', ') || 'none'}. Write a mapping of these: docs/import.md shows one.`,
    );
  }
  const type = typeOf(inScope, { list, hasProduct: product !== null }, guesses);
  const time = timeOf(inScope, guesses) ?? timeWithout(from, now, guesses);
  const decimal = detectDecimal(
    [roles.price, roles.quantity].flatMap((role) =>
      columnsOf(role, inScope).flatMap(({ texts }) => texts),
    ),
  );
  const mapping = {
    ...(decimal === 'comma' && { decimal }),
    ...(time.format !== null && { date_format: time.format }),
    ...(list !== '' && { each: `{${list}}` }),
    event: {
      ...optional(
        'event_id',
        uniqueId(ofRecord, { records: sample.rows.get('') ?? 0, from }, guesses),
      ),
      event_type: type.field,
      timestamp: time.from,
      user_id: userOf(inScope, guesses) ?? userWithout(from, guesses),
      ...optional('session_id', firstOf(columnsOf(roles.session, inScope))),
      ...optional('product', product),
      ...optional('search_query', query && braced(query)),
      ...optional('quantity', firstOf(columnsOf(roles.quantity, within(inScope, list)))),
    },
    ...optional('extra', extraOf(inScope)),
    ...optional('turn_away', type.others),
  };
  return { mapping, guesses };
}

const optional = (name: string, value: unknown): object =>
  value === null || value === undefined ? {} : { [name]: value };
const firstOf = ([column]: Columns): string | null =>
  column === undefined ? null : braced(column);
const isWithin = (list: string, outer: string): boolean =>
  list === outer || list.startsWith(`${outer}.`);
const within = (columns: Columns, list: string): Columns =>
  columns.filter((column) => column.list === list);
const oneOrMore = (templates: readonly string[]): string | readonly string[] =>
  templates.length === 1 ? (templates[0] ?? '') : templates;

/** The list whose items look most like products; `''` if the record itself does. */
function listOfProducts({ columns, rows }: Sample): string {
  const scored = [...rows.keys()].map((list) => {
    const own = within(columns, list);
    const has = (role: (typeof roles)[keyof typeof roles]) =>
      Number(columnsOf(role, own).length > 0);
    const id = has(roles.productId);
    return { list, score: 2 * id + 2 * has(roles.productName) + id * has(roles.price) };
  });
  return scored.reduce((best, each) => (each.score > best.score ? each : best)).list;
}

function productOf(columns: Columns, list: string, guesses: Notes): object | null {
  const own = within(columns, list);
  const [id, second] = columnsOf(roles.productId, own);
  if (id === undefined) return null;
  // Of two, the second is for records without the first.
  const ids = second === undefined || isEverywhere(id, own) ? [id] : [id, second];
  const names = namesOf(own, id);
  const [category] = columnsOf(roles.category, own);
  const [price] = columnsOf(roles.price, own);
  const [description] = columnsOf(roles.description, own).filter((each) => !names.includes(each));
  const [brand] = columnsOf(roles.brand, own);
  const instead = [brand, category].flatMap((column) =>
    column === undefined
      ? []
      : [column === category ? `{${column.name}|last|words}` : braced(column)],
  );
  if (names.length === 0)
    guesses.push(
      instead.length === 0
        ? 'No member names the product: its id is its name, and no search will find it by meaning.'
        : 'No member names the product: brand and category are its name.',
    );
  if (price === undefined) guesses.push('No member is a price: every price is 0.');
  return {
    id: oneOrMore(ids.map(braced)),
    name: oneOrMore([
      ...names.map(braced),
      ...(names.length === 0 && instead.length > 0 ? [instead.join(' ')] : []),
      // A product without any name is still told by its id.
      ...(names.some(({ texts }) => texts.length < id.texts.length) || names.length === 0
        ? [braced(id)]
        : []),
    ]),
    ...optional('description', description && braced(description)),
    ...optional('category', category && braced(category)),
    price: price === undefined ? 0 : [braced(price), 0],
  };
}

/** Whether the column has as many texts as the fullest. */
const isEverywhere = ({ texts }: SampleColumn, columns: Columns): boolean =>
  columns.every((other) => other.texts.length <= texts.length);

/** A log with codes and descriptions, and nothing else, has its names there. */
function namesOf(columns: Columns, id: SampleColumn): Columns {
  const named = columnsOf(roles.productName, columns).slice(0, 2);
  if (named.length > 0) return named;
  const titles = columnsOf(roles.title, columns).filter((column) => column !== id);
  return [...titles, ...columnsOf(roles.description, columns)].slice(0, 1);
}

type TypeField = {
  readonly field: unknown;
  /** Rules that turn away what is not an event here. */
  readonly others: readonly object[] | null;
};

function typeOf(
  columns: Columns,
  { list, hasProduct }: { readonly list: string; readonly hasProduct: boolean },
  guesses: Notes,
): TypeField {
  const known = columnsOf(roles.eventType, columns)
    .map((column) => ({ column, values: [...new Set(column.texts)] }))
    .map((each) => ({ ...each, meant: each.values.filter((value) => eventTypeOf(value) !== null) }))
    .filter(({ meant, values }) => meant.length > 0 && values.length <= valuesMax);
  const best = known.toSorted((a, b) => b.meant.length - a.meant.length)[0];
  if (best === undefined) {
    const isOrder = list !== '' || columnsOf(roles.order, columns).length > 0;
    const type = !hasProduct ? 'search' : isOrder ? 'purchase' : 'view';
    guesses.push(`No member says what was done: every event is a ${type}.`);
    return { field: type, others: null };
  }
  const { column, values, meant } = best;
  const map = Object.fromEntries(meant.map((value) => [value, eventTypeOf(value)]));
  const others = values.filter((value) => !meant.includes(value));
  if (others.length > 0)
    guesses.push(`Passed over, as none of ${eventTypes.join(', ')}: ${others.join(', ')}.`);
  const rule = { when: braced(column), one_of: others, reason: 'another kind of event' };
  return {
    field: { from: braced(column), map },
    others: others.length > 0 ? [rule] : null,
  };
}

const valuesMax = 100;

type TimeField = { readonly from: string | readonly string[]; readonly format: string | null };

function timeOf(columns: Columns, guesses: Notes): TimeField | null {
  const named = columnsOf(roles.timestamp, columns);
  const readable = named.filter(({ texts }) => texts.every(isTime));
  if (readable.length > 0)
    return { from: oneOrMore(readable.slice(0, 2).map(braced)), format: null };
  for (const column of named) {
    const format = formatOf(column);
    if (format === null) continue;
    const [text = ''] = column.texts;
    const zone = /(Z|[+-]\d\d:?\d\d)$/.test(text) ? '' : ', in UTC: add time_zone if it is another';
    guesses.push(`Dates such as "${text}" are read as ${format}${zone}.`);
    return { from: braced(column), format };
  }
  const [other] = columns.filter(({ texts }) =>
    texts.every((text) => /^\d{4}-\d\d-\d\d[T ]/.test(text) && isTime(text)),
  );
  return other === undefined ? null : { from: braced(other), format: null };
}

function timeWithout(from: SampleSource, now: number, guesses: Notes): TimeField {
  const time = from === 'topic' ? '{record:time}' : new Date(now).toISOString();
  guesses.push(
    from === 'topic'
      ? 'No member is a time: an event is as old as its record in Kafka.'
      : `No column is a time: every event is of ${time}.`,
  );
  return { from: time, format: null };
}

/**
 * The format of a column's dates; `null` when no format reads them. Where day and month can be
 * swapped, the day comes first.
 */
function formatOf({ name, texts }: SampleColumn): string | null {
  try {
    return detectDateFormat(texts, { decimalComma: true, column: name })?.format ?? null;
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

function userOf(columns: Columns, guesses: Notes): string | readonly string[] | null {
  const users = columnsOf(roles.user, columns)
    .slice(0, 3)
    .map((column) => braced(column));
  const [guest] = columnsOf(roles.guest, columns);
  const all = guest === undefined ? users : [...users, `guest:${braced(guest)}`];
  if (all.length === 0) return null;
  if (users.length === 0) guesses.push(`No member names the user: ${all[0]} does.`);
  return oneOrMore(all);
}

function userWithout(from: SampleSource, guesses: Notes): string {
  guesses.push(
    from === 'topic'
      ? 'No member names the user: the key of its record in Kafka does.'
      : 'No column names the user: every event is of one user, "unknown".',
  );
  return from === 'topic' ? '{record:key}' : 'unknown';
}

/** A column that holds a different id in each record. */
function uniqueId(
  columns: Columns,
  { records, from }: { readonly records: number; readonly from: SampleSource },
  guesses: Notes,
): string | null {
  // Each row of a file has an id anyway. An order may have more rows than in the sample.
  const orders = from === 'file' ? columnsOf(roles.order, columns) : [];
  const [id] = columnsOf(roles.eventId, columns).filter(
    (column) =>
      column.texts.length === records &&
      new Set(column.texts).size === records &&
      !orders.includes(column),
  );
  if (id !== undefined) return braced(id);
  if (from === 'topic')
    guesses.push('No member is an id of the event: it can be read from Kafka, not over HTTP.');
  return null;
}

function extraOf(columns: Columns): object | null {
  const [brand] = columnsOf(roles.brand, columns);
  return brand === undefined ? null : { brand: braced(brand) };
}
