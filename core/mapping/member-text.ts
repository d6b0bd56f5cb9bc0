// Reads a member of a JSON value as text, by the name that a mapping uses for it.

import { isExactNumber } from '#core/event/exact-json.ts';

/**
 * `product.name` is a member of that name, as flattened logs have it, or else the member `name` of
 * `product`; `items.0.id` reaches into a list. What is missing, null, an object or a list is `''`.
 * A long number, such as a 64-bit id, keeps its digits.
 */
export function memberText(name: string): (value: unknown) => string {
  const path = name.split('.').map(asKey);
  const flat = asKey(name);
  if (path.length === 1) return (value) => textOf(member(value, flat));
  return (value) => textOf(member(value, flat) ?? innerMember(value, path));
}

function innerMember(value: unknown, path: readonly string[]): unknown {
  let inner = value;
  for (const name of path) {
    inner = member(inner, name);
    if (inner === undefined) break;
  }
  return inner;
}

/** The same text as the engine keeps it for names of members, which are found faster by it. */
const asKey = (name: string): string => Object.keys({ [name]: null })[0] ?? name;

/** `undefined` when there is none of its own. */
export function member(value: unknown, name: string): unknown {
  return isObjectOrList(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

const isObjectOrList = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** The text of a text, number or boolean; `''` for any other value. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (isExactNumber(value)) return value.rawJSON;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
