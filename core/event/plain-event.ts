// Recognises an event that is valid just as it was sent, with one look at each member. Nearly every
// event of a stream is. The schema, which takes several times longer, reads the others.

import type { WireEvent } from './event-schema.ts';
import type { EventTypes } from './event-types.ts';
import type { Members } from './exact-json.ts';
import { forbiddenKeys } from './json-guard.ts';
import { visibleText } from './visible-text.ts';

export type PlainEventRules = {
  readonly depthMax: number;
  readonly unknownFieldsMax: number;
  readonly types: Pick<EventTypes, 'names'>;
};

/**
 * True only for an event that the schema accepts, that `placeMembers` leaves as it is, and in which
 * neither `structureProblem` nor a rule on several fields finds anything. Its time is still to be
 * read. False says nothing.
 */
export function isPlainEvent(
  sent: unknown,
  { depthMax, unknownFieldsMax, types }: PlainEventRules,
): sent is WireEvent {
  if (!isObject(sent) || depthMax < 2) return false;
  const { event_type: type, timestamp, product, quantity } = sent;
  return (
    isPlainId(sent['event_id']) &&
    isPlainId(sent['user_id']) &&
    isPlainId(sent['session_id']) &&
    typeof type === 'string' &&
    types.names.includes(type) &&
    typeof timestamp === 'string' &&
    timestamp.length <= 64 &&
    withUtcOffset.test(timestamp) &&
    isText(sent['search_query'], 1024) &&
    isText(sent['payment_method'], 64) &&
    isNumber(sent['total_amount'], 0, 1e12) &&
    isNumber(sent['view_duration'], 0, 1e7) &&
    isNumber(quantity, 1, 1e6) &&
    Number.isInteger(quantity ?? 1) &&
    (isObject(product)
      ? isPlainProduct(product)
      : isAbsent(product) && type === 'search' && visibleText(sent['search_query']) !== null) &&
    hasPlainMembers(sent, unknownFieldsMax, 'product')
  );
}

const isPlainProduct = (product: Members): boolean =>
  isPlainId(product['id']) &&
  visibleText(product['name']) !== null &&
  isText(product['name'], 1024) &&
  isText(product['description'], 16_384) &&
  isText(product['category'], 512) &&
  typeof product['price'] === 'number' &&
  isNumber(product['price'], 0, 1e9) &&
  hasPlainMembers(product, Infinity, null);

/**
 * Whether none but `nested` is an object or a list, and none has a reserved name.
 *
 * @param countMax bounds the unknown members, so it holds if all members are no more
 */
function hasPlainMembers(members: Members, countMax: number, nested: string | null): boolean {
  let count = 0;
  for (const name in members) {
    const value = members[name];
    if (forbiddenKeys.has(name)) return false;
    if (typeof value === 'number' && !Number.isFinite(value)) return false;
    if (typeof value === 'object' && value !== null && name !== nested) return false;
    count += 1;
  }
  return count <= countMax;
}

/** `placeMembers` changes no other end of a time, and no time in digits alone. */
const withUtcOffset = /(?:Z|[+-]\d\d:\d\d)$/;

/** Visible ASCII without spaces: a UUID, a number, a slug. */
const plainId = /^(?!\.{1,2}$)[!-~]{1,256}$/;
const isPlainId = (value: unknown): boolean => typeof value === 'string' && plainId.test(value);

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

const isText = (value: unknown, lengthMax: number): boolean =>
  isAbsent(value) || (typeof value === 'string' && value.length <= lengthMax);

const isNumber = (value: unknown, min: number, max: number): boolean =>
  isAbsent(value) || (typeof value === 'number' && value >= min && value <= max);

const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null;
