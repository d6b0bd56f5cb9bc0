// Takes an event out of what systems put around it: CloudEvents, Debezium, Kafka Connect.
//
// CloudEvents are read here and not with their own package, which brings a JSON Schema validator
// and needs Node.

import { isConnectEnvelope } from '#core/event/connect-envelope.ts';
import { isMembers, type Members } from '#core/event/exact-json.ts';
import { innerJson } from '#core/event/json-guard.ts';
import type { ChangeKind } from '#core/event/known-members.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { LogRecord } from '#core/ports.ts';

export const ignoredKinds = ['tombstone', 'delete', 'no_row', 'turned_away'] as const;
/** Why a record holds no event, and nothing is wrong with it. */
export type IgnoredKind = (typeof ignoredKinds)[number];

/** What the envelope says of the event, for members that the event lacks. */
export type Known = Readonly<Partial<Record<'event_id' | 'timestamp' | 'event_type', string>>>;
export type Unwrapped =
  | { readonly value: unknown; readonly changes: readonly ChangeKind[] }
  | NoEvent;
/** `row`: what the envelope still holds of a row that was deleted; `null` for nothing. */
export type NoEvent = { readonly ignored: IgnoredKind; readonly row: unknown };

const envelopesMax = 4;
const ownNames = ['event_id', 'eventId', 'event_type', 'eventType'] as const;

/**
 * `value` is JSON. Without an envelope, and with nothing known, it comes back as it is.
 *
 * @param changes of the envelopes that were taken off so far
 */
export function unwrapped(
  value: unknown,
  known: Known,
  changes: readonly ChangeKind[] = [],
): Unwrapped {
  if (!isMembers(value)) return { value, changes };
  if (isDeletedRow(value)) return { ignored: 'delete', row: value };
  const isBare = ownNames.some((name) => has(value, name)) || changes.length >= envelopesMax;
  const payload = isBare ? null : (changeOf(value) ?? cloudEventOf(value) ?? connectPayload(value));
  if (payload === null) return { value: withKnown(value, known), changes };
  if ('ignored' in payload) return payload;
  const { kind } = payload;
  const about = kind === 'cloud_event' ? { ...knownOf(attributesOf(value)), ...known } : known;
  return unwrapped(payload.value, about, [...changes, kind]);
}

type Payload = { readonly value: unknown; readonly kind: ChangeKind } | NoEvent;

/** The row after a change that Debezium reports. MongoDB's is JSON as text. */
function changeOf(value: Members): Payload | null {
  const { op, before, after } = value;
  if (typeof op !== 'string' || !(has(value, 'after') || has(value, 'before'))) return null;
  if (op === 'd') return { ignored: 'delete', row: innerJson(before) ?? before ?? null };
  if (!/^[cru]$/.test(op) || isAbsent(after)) return { ignored: 'no_row', row: null };
  return { value: innerJson(after) ?? after, kind: 'change_event' };
}

/** A row that Debezium has taken out of its envelope itself. */
const isDeletedRow = (value: Members): boolean =>
  has(value, '__deleted') && String(value['__deleted']) === 'true';

/** `{schema, payload}`, as Kafka Connect writes JSON with schemas. */
function connectPayload(value: Members): Payload | null {
  if (!isConnectEnvelope(value)) return null;
  const { payload } = value;
  return isAbsent(payload)
    ? { ignored: 'tombstone', row: null }
    : { value: payload, kind: 'connect' };
}

function cloudEventOf(value: Members): Payload | null {
  if (typeof value['specversion'] !== 'string' || !has(value, 'data')) return null;
  const { data } = value;
  return data === null
    ? { ignored: 'tombstone', row: value }
    : { value: innerJson(data) ?? data, kind: 'cloud_event' };
}

type Attribute = 'id' | 'source' | 'type' | 'time';
type Attributes = Readonly<Partial<Record<Attribute, string>>>;

function attributesOf(value: Members): Attributes {
  const text = (name: Attribute) => {
    const attribute = has(value, name) ? value[name] : undefined;
    return typeof attribute === 'string' ? { [name]: attribute } : {};
  };
  return { ...text('id'), ...text('source'), ...text('type'), ...text('time') };
}

const utf8 = new TextDecoder();

/** The attributes of a CloudEvent in binary mode, from its headers. `null` for any other record. */
export function headerAttributes(headers: LogRecord['headers']): Known | null {
  if (!Object.hasOwn(headers, 'ce_specversion')) return null;
  const decoded = Object.entries(headers)
    .filter(([name]) => name.startsWith('ce_'))
    .map(([name, value]) => [name.slice(3), utf8.decode(value)]);
  return knownOf(attributesOf(Object.fromEntries(decoded)));
}

/**
 * An id is unique within its source only, so that the event's id is made of both. A type may have a
 * domain before it: `com.shop.view`.
 */
function knownOf({ id, source = '', type, time }: Attributes): Known {
  return {
    ...(id !== undefined && { event_id: uuidV5(`cloud-event/${source}/${id}`) }),
    ...(time !== undefined && { timestamp: time }),
    ...(type !== undefined && { event_type: type.slice(type.lastIndexOf('.') + 1) }),
  };
}

const camelNames: Readonly<Record<string, string>> = {
  event_id: 'eventId',
  event_type: 'eventType',
};

function withKnown(value: unknown, known: Known): unknown {
  if (!isMembers(value)) return value;
  const missing = Object.entries(known).filter(
    ([name]) => isAbsent(value[name]) && isAbsent(value[camelNames[name] ?? name]),
  );
  return missing.length === 0 ? value : { ...value, ...Object.fromEntries(missing) };
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

const has = (value: Members, name: string): boolean => Object.hasOwn(value, name);
