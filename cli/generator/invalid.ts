// Makes invalid events from valid ones, in every way in which an event can be invalid. Number and
// places are exact.

import type { Random } from './random.ts';

type Fields = Record<string, unknown>;

/** One way to be invalid. `make` returns one line without a line break. */
export type InvalidKind = { readonly name: string; make(json: string, dice: Random): Uint8Array };

const encoder = new TextEncoder();

/** Parses a valid event, changes its members, and writes it again. */
const changed = (name: string, change: (event: Fields) => unknown): InvalidKind => ({
  name,
  make(json) {
    const event: Fields = withProduct(JSON.parse(json));
    return encoder.encode(JSON.stringify(change(event) ?? event));
  },
});
const set = (field: string, value: unknown, what: string): InvalidKind =>
  changed(`${field} ${what}`, (event) => ({ ...event, [field]: value }));
const setInProduct = (field: string, value: unknown, what: string): InvalidKind =>
  changed(`product.${field} ${what}`, (event) => ({
    ...event,
    product: { ...productOf(event), [field]: value },
  }));
const without = (field: string): InvalidKind => set(field, undefined, 'missing');
/**
 * The event's own text with one member written literally, for what `JSON.stringify` would never
 * write.
 */
const literal = (name: string, member: string): InvalidKind => ({
  name,
  make: (json) => encoder.encode(`${json.slice(0, -1)},${member}}`),
});

const days = 86_400_000;
const far = (ms: number): string => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();

/** One line just over 256 KiB. It is large, so it occurs once in sixteen rounds of the table. */
const tooLarge: InvalidKind = {
  name: 'larger than 256 KiB',
  make: (json) => encoder.encode(`${json.slice(0, -1)},"note":"${'x'.repeat(256 * 1024)}"}`),
};

export const invalidKinds: readonly InvalidKind[] = [
  { name: 'not JSON', make: () => encoder.encode('view;user-1;this is not JSON') },
  {
    name: 'truncated JSON',
    make: (json, dice) => encoder.encode(json.slice(0, 1 + dice.below(json.length - 2))),
  },
  { name: 'two objects in one line', make: (json) => encoder.encode(`${json}${json}`) },
  { name: 'single quotes', make: (json) => encoder.encode(json.replaceAll('"', "'")) },
  { name: 'invalid UTF-8', make: (json) => brokenUtf8(json) },
  { name: 'null', make: () => encoder.encode('null') },
  { name: 'a number', make: () => encoder.encode('42') },
  { name: 'a string', make: () => encoder.encode('"view"') },
  { name: 'an empty array', make: () => encoder.encode('[]') },
  { name: 'an empty object', make: () => encoder.encode('{}') },
  without('timestamp'),
  without('user_id'),
  without('event_type'),
  without('product'),
  setInProduct('id', undefined, 'missing'),
  setInProduct('name', undefined, 'missing'),
  setInProduct('price', undefined, 'missing'),
  set('event_id', '', 'empty'),
  set('user_id', '', 'empty'),
  set('session_id', '', 'empty'),
  setInProduct('id', '', 'empty'),
  setInProduct('name', '', 'empty'),
  set('event_id', 1.5, 'a fraction'),
  set('event_id', ['e'], 'an array'),
  set('user_id', { id: 1 }, 'an object'),
  set('event_type', ['view'], 'an array'),
  set('session_id', true, 'a boolean'),
  set('session_id', { id: 1 }, 'an object'),
  set('product', 'headphones', 'a string'),
  set('timestamp', true, 'a boolean'),
  setInProduct('name', 7, 'a number'),
  setInProduct('price', '19,99 €', 'with a currency'),
  setInProduct('category', 3, 'a number'),
  set('event_type', 'teleport', 'unknown'),
  set('event_type', '', 'empty'),
  setInProduct('price', -1, 'negative'),
  setInProduct('price', null, 'null'),
  literal('product.price infinite', '"product":{"id":"p1","name":"Lamp","price":1e999}'),
  literal('product.price NaN', '"product":{"id":"p1","name":"Lamp","price":NaN}'),
  set('timestamp', far(400 * 365 * days), 'far ahead'),
  set('timestamp', '1999-12-31T23:59:59Z', 'before 2000'),
  set('timestamp', '2026-01-01', 'without a time'),
  set('timestamp', 'yesterday', 'not a time'),
  set('timestamp', '2026-02-30T12:00:00Z', 'not in the calendar'),
  changed('search without query and product', (event) => ({
    ...event,
    event_type: 'search',
    product: undefined,
    search_query: undefined,
  })),
  set('event_id', 'x'.repeat(10_000), 'too long'),
  set('user_id', 'u'.repeat(10_000), 'too long'),
  setInProduct('name', 'n'.repeat(100_000), 'too long'),
  setInProduct('description', 'd'.repeat(150_000), 'too long'),
  literal('too deep', `"nested":${'['.repeat(500)}${']'.repeat(500)}`),
  literal('the key __proto__', '"__proto__":{"admin":true}'),
  literal('the key constructor', '"constructor":{"prototype":{"admin":true}}'),
  set('quantity', -1, 'negative'),
  set('total_amount', 'a lot', 'a string'),
  set('view_duration', -5, 'negative'),
];
export const rareInvalidKinds: readonly InvalidKind[] = [tooLarge];

/** How many of `count` events are invalid: exactly the rounded share. */
export function invalidCount(count: number, percent: number): number {
  return Math.round((count * percent) / 100);
}

/**
 * Whether the event at `index` is invalid. Invalid events are evenly spread: `isInvalidAt(i, 10,
 * 2)` holds for i = 4 and 9.
 */
export function isInvalidAt(index: number, count: number, invalidTotal: number): boolean {
  return (
    Math.floor(((index + 1) * invalidTotal) / count) > Math.floor((index * invalidTotal) / count)
  );
}

/** Makes one valid event after another invalid, going round the table of kinds. */
export function openInvalidLines(dice: Random): (json: string) => Uint8Array {
  const rareEvery = invalidKinds.length * 16;
  const offset = dice.below(invalidKinds.length);
  let made = 0;
  return (json) => {
    made += 1;
    const kinds = made % rareEvery === invalidKinds.length ? rareInvalidKinds : invalidKinds;
    const kind = kinds[(made + offset) % kinds.length] ?? tooLarge;
    return kind.make(json, dice);
  };
}

/** Puts a byte that is never valid in UTF-8 into a string. */
function brokenUtf8(json: string): Uint8Array {
  const bytes = encoder.encode(json);
  bytes[json.indexOf('user_id') + 10] = 0xff;
  return bytes;
}

/** Adds a product to a search, so that members of the product can be made invalid. */
function withProduct(event: Fields): Fields {
  if (event['product'] !== undefined) return event;
  return {
    ...event,
    event_type: 'view',
    search_query: undefined,
    product: { id: 'p1', name: 'Desk lamp', price: 20 },
  };
}

function productOf(event: Fields): Fields {
  const { product } = event;
  return typeof product === 'object' && product !== null ? { ...product } : {};
}
