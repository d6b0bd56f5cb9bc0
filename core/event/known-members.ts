// Gives each known member of an event the form that the schema expects, where the sender's form can
// mean only one thing: an id its digits, a time its date and UTC offset, a price its number.

import type { ZoneOffset } from '#core/time/zone-offset.ts';
import { productShape, wireEventSchema } from './event-schema.ts';
import type { EventTypes } from './event-types.ts';
import { isExactNumber, isMembers, longWholeNumber, type Members } from './exact-json.ts';
import { sessionIdOf } from './session-of-day.ts';
import { timestampOfUnix, withOffset } from './timestamp.ts';

/** What was changed, or added, so that the event could be read. */
export const changeKinds = [
  'avro',
  'camel_case',
  'change_event',
  'cloud_event',
  'connect',
  'double_encoded',
  'event_id',
  'event_type',
  'mapped',
  'message_pack',
  'numeric_id',
  'numeric_text',
  'protobuf',
  'schema_id',
  'session_id',
  'several_events',
  'time_zone',
  'unix_time',
] as const;
export type ChangeKind = (typeof changeKinds)[number];

export type PlacingRules = {
  /** Only numbers of 16 digits and more are changed. */
  readonly strict: boolean;
  readonly types: EventTypes;
  /** The UTC offset of times that have none. */
  readonly zoneOffset: ZoneOffset;
  /** Gives the id of an event that has none; `null` where it must have one. */
  readonly missingId: () => string | null;
};

type Form = (value: unknown) => unknown;
type Forms = readonly (readonly [member: string, form: Form, kind: ChangeKind])[];

/** Systems with 64-bit ids write them as numbers. As text, no two of them become one. */
const longDigits: Form = (value) => longWholeNumber(value) ?? value;
const digits: Form = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : longDigits(value);
const float: Form = (value) => (isExactNumber(value) ? Number(value.rawJSON) : value);
const numberOfText: Form = (value) =>
  typeof value === 'string' && numberText.test(value) ? Number(value) : float(value);
const numberText = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?\s*$/;

const longUnixTime: Form = (value) => timestampOfUnix(longWholeNumber(value) ?? '') ?? value;
const unixTime: Form = (value) => {
  const text = isExactNumber(value) ? value.rawJSON : value;
  if (typeof text === 'string' && text.length > unixTextMax) return value;
  return typeof text === 'string' || typeof text === 'number'
    ? (timestampOfUnix(String(text)) ?? value)
    : value;
};
const unixTextMax = 40;

const typeTextMax = 32;
/** `VIEW`, `addToCart` and `Add to cart` are a type in other letters. */
const typeForm =
  (types: EventTypes): Form =>
  (value) =>
    typeof value === 'string' && value.length <= typeTextMax
      ? (types.named(value) ?? value)
      : value;

const formsOf = (
  shape: object,
  number: Form,
  special: Readonly<Record<string, readonly [Form, ChangeKind]>>,
): Forms =>
  Object.keys(shape).map((member) => [member, ...(special[member] ?? [number, 'numeric_text'])]);
const ids = (form: Form): readonly [Form, ChangeKind] => [form, 'numeric_id'];

type Tables = { readonly event: Forms; readonly product: Forms };
const tables = (id: Form, number: Form, time: Form, type: Form): Tables => {
  const own = { event_id: ids(id), user_id: ids(id), session_id: ids(id) };
  const text: readonly [Form, ChangeKind] = [float, 'numeric_text'];
  return {
    event: formsOf(wireEventSchema.shape, number, {
      ...own,
      event_type: [type, 'event_type'],
      timestamp: [time, 'unix_time'],
      search_query: text,
      payment_method: text,
    }),
    product: formsOf(productShape, float, { id: ids(id), price: [number, 'numeric_text'] }),
  };
};
const strictForms = tables(longDigits, float, longUnixTime, float);
const lenientForms = new WeakMap<EventTypes, Tables>();

function lenientFormsOf(types: EventTypes): Tables {
  const known = lenientForms.get(types);
  if (known !== undefined) return known;
  const made = tables(digits, numberOfText, unixTime, typeForm(types));
  lenientForms.set(types, made);
  return made;
}

const required = ['event_id', 'timestamp', 'user_id', 'event_type', 'session_id'] as const;
const camelNames: readonly (readonly [name: string, camel: string])[] = Object.keys(
  wireEventSchema.shape,
).flatMap((name) => {
  const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return camel === name ? [] : [[name, camel]];
});

/**
 * `event` is what `parseExactly` returns, and is not changed. The same value comes back when
 * nothing has to change, as for every event that the schema accepts. Unknown members stay exactly
 * as they were sent. Each kind of change is added to `changes`, once per member.
 */
export function placeMembers(event: unknown, rules: PlacingRules, changes: ChangeKind[]): unknown {
  if (!isMembers(event)) return float(event);
  const { strict } = rules;
  const forms = strict ? strictForms : lenientFormsOf(rules.types);
  const named = strict ? event : withOwnNames(event, changes);
  const formed = withForms(named, forms.event, changes);
  const placed = strict ? formed : withMissing(formed, rules, changes);
  const { product } = placed;
  if (!isMembers(product)) return placed;
  const placedProduct = withForms(product, forms.product, changes);
  return placedProduct === product ? placed : { ...placed, product: placedProduct };
}

/** Names in camel case count only for members that are absent, and only if a required one is. */
function withOwnNames(members: Members, changes: ChangeKind[]): Members {
  if (required.every((name) => members[name] !== undefined)) return members;
  let renamed: Record<string, unknown> | null = null;
  for (const [name, camel] of camelNames) {
    if (members[name] !== undefined || members[camel] === undefined) continue;
    renamed ??= { ...members };
    renamed[name] = members[camel];
    delete renamed[camel];
  }
  if (renamed !== null) changes.push('camel_case');
  return renamed ?? members;
}

/** The same object when no member changes, which is the usual case. */
function withForms(members: Members, forms: Forms, changes: ChangeKind[]): Members {
  let changed: Record<string, unknown> | null = null;
  for (const [member, form, kind] of forms) {
    const value = members[member];
    const formed = form(value);
    if (formed === value) continue;
    changes.push(kind);
    (changed ??= { ...members })[member] = formed;
  }
  return changed ?? members;
}

/** Adds the UTC offset, the id and the session where they are missing and known. */
function withMissing(
  members: Members,
  { zoneOffset, missingId }: PlacingRules,
  changes: ChangeKind[],
): Members {
  const { event_id: id, timestamp, user_id: user, session_id: session } = members;
  const time = typeof timestamp === 'string' ? withOffset(timestamp, zoneOffset) : timestamp;
  const lacksOffset = time !== timestamp;
  const eventId = isAbsent(id) ? missingId() : null;
  const lacksId = eventId !== null;
  const lacksSession = isAbsent(session) && typeof user === 'string' && typeof time === 'string';
  if (!lacksOffset && !lacksId && !lacksSession) return members;
  if (lacksOffset) changes.push('time_zone');
  if (lacksId) changes.push('event_id');
  if (lacksSession) changes.push('session_id');
  return {
    ...members,
    timestamp: time,
    ...(lacksId && { event_id: eventId }),
    ...(lacksSession && { session_id: sessionIdOf(user, time) }),
  };
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null;
