// Turns the bytes of a record into a valid event, or into a rejection: one line that names the
// field, the value received and the values allowed.

import type { z } from 'zod';
import type { DeadLetterReason, ProductEvent, Rejection } from '#core/ports.ts';
import { utcOffset, type ZoneOffset } from '#core/time/zone-offset.ts';
import { storedIdOf } from './event-id.ts';
import { productAllowed, type WireEvent, wireEventSchema } from './event-schema.ts';
import { type EventTypes, ownEventTypes } from './event-types.ts';
import {
  dotted,
  innerJson,
  parseJson,
  type Path,
  type Problem,
  show,
  structureProblem,
  valueAt,
} from './json-guard.ts';
import { type ChangeKind, placeMembers } from './known-members.ts';
import { isPlainEvent } from './plain-event.ts';
import { productOf } from './stored-product.ts';
import { parseTimestamp } from './timestamp.ts';
import { visibleText } from './visible-text.ts';

export type EventLimits = {
  /** The most bytes of the received record, and the most characters of its stored payload. */
  readonly bytesMax: number;
  /** How deep objects and arrays may be nested. */
  readonly depthMax: number;
  /** The most unknown fields at the top level. */
  readonly unknownFieldsMax: number;
  /** How far an event's timestamp may be ahead of the time at which it is judged. */
  readonly timestampAheadMsMax: number;
  /** Only the exact form is valid; otherwise also the forms of `placeMembers`. */
  readonly strict: boolean;
  readonly types: EventTypes;
  /** The UTC offset of timestamps that have none, unless `strict`. */
  readonly zoneOffset: ZoneOffset;
};

export const eventLimits: EventLimits = {
  bytesMax: 256 * 1024,
  depthMax: 32,
  unknownFieldsMax: 256,
  timestampAheadMsMax: 300_000,
  strict: false,
  types: ownEventTypes,
  zoneOffset: utcOffset,
};

export type EventContext = {
  /** UTC ms. A timestamp may not be far ahead of it. */
  readonly now: number;
  readonly limits: EventLimits;
  /** Gives the id of an event that was sent without one; `null` where that is invalid. */
  readonly missingId: () => string | null;
};

/** A valid event, and what was changed so that it could be read. */
export type ReadEvent = { readonly event: ProductEvent; readonly changes: readonly ChangeKind[] };

const timestampMin = Date.UTC(2000, 0, 1);

export function isRejection(parsed: ProductEvent | ReadEvent | Rejection): parsed is Rejection {
  return 'reason' in parsed;
}

/** Does the same as `readEvent`, for an event that must have an id. */
export function parseEvent(
  value: Uint8Array,
  now: number,
  limits: EventLimits = eventLimits,
): ProductEvent | Rejection {
  const read = readEvent(value, { now, limits, missingId: () => null });
  return isRejection(read) ? read : read.event;
}

/**
 * Never throws, whatever the bytes are. The payload is the event as it was sent, in compact JSON:
 * with unknown fields and all their digits, and the last of a repeated key. Known fields have the
 * forms of `placeMembers`.
 */
export function readEvent(value: Uint8Array, context: EventContext): ReadEvent | Rejection {
  const { limits } = context;
  if (value.byteLength > limits.bytesMax)
    return tooLarge(`${value.byteLength} bytes`, limits.bytesMax);
  const json = parseJson(value);
  if (!json.ok) return undecodable(json.message);
  const inner = limits.strict ? null : innerJson(json.value);
  return inner === null
    ? eventOf(json.value, context, [])
    : eventOf(inner, context, ['double_encoded']);
}

/**
 * @param sent a JSON value as `parseExactly` returns it, and is not changed
 * @param changes of the value so far; more are added
 */
export function eventOf(
  sent: unknown,
  { now, limits, missingId }: EventContext,
  changes: ChangeKind[],
): ReadEvent | Rejection {
  const valid = isPlainEvent(sent, limits)
    ? { event: sent, placed: sent }
    : bySchema(sent, { limits, missingId }, changes);
  if ('reason' in valid) return valid;
  const { event, placed } = valid;
  const timestamp = readTimestamp(event.timestamp);
  if (typeof timestamp !== 'number') return invalid(timestamp, placed);
  const payload = JSON.stringify(placed);
  if (payload.length > limits.bytesMax)
    return tooLarge(`a payload of ${payload.length} characters`, limits.bytesMax, event.event_id);
  if (timestamp > now + limits.timestampAheadMsMax)
    return tooFarAhead(event, timestamp, now, limits);
  const { event_id: rawId, event_type: eventType, user_id: userId, session_id: sessionId } = event;
  return {
    event: {
      eventId: rawId,
      id: storedIdOf(rawId),
      eventType,
      timestamp,
      userId,
      sessionId,
      product: productOf(event.product),
      searchQuery: visibleText(event.search_query),
      payload,
    },
    changes,
  };
}

/** The event, and the value that has the forms of `placeMembers`. */
function bySchema(
  sent: unknown,
  { limits, missingId }: Omit<EventContext, 'now'>,
  changes: ChangeKind[],
): { readonly event: WireEvent; readonly placed: unknown } | Rejection {
  const { strict, types, zoneOffset } = limits;
  const placed = placeMembers(sent, { strict, types, zoneOffset, missingId }, changes);
  const parsed = types.schema.safeParse(placed);
  if (!parsed.success) return invalid(schemaProblem(parsed.error, sent, placed), placed);
  const problem = structureProblem(placed, limits.depthMax) ?? contentProblem(parsed.data, limits);
  return problem === null ? { event: parsed.data, placed } : invalid(problem, placed);
}

const invalid = ({ path, message }: Problem, placed: unknown): Rejection =>
  reject('invalid_event', path, message, readableEventId(placed));

/** Quotes the value as it was sent. */
function schemaProblem(error: z.ZodError, sent: unknown, placed: unknown): Problem {
  const { path, message } = error.issues[0] ?? { path: [], message: 'a valid event' };
  const value = valueAt(sent, path) ?? valueAt(placed, path);
  return { path, message: `got ${show(value)}, allowed: ${message}` };
}

/** Checks the rules that involve more than one field. */
function contentProblem(event: WireEvent, limits: EventLimits): Problem | null {
  const unknownFields = Object.keys(event).filter(
    (key) => !Object.hasOwn(wireEventSchema.shape, key),
  ).length;
  if (unknownFields > limits.unknownFieldsMax) {
    return {
      path: [],
      message: `got ${unknownFields} unknown fields, allowed: at most ${limits.unknownFieldsMax}`,
    };
  }
  if (event.product) return null;
  if (event.event_type !== 'search') {
    return { path: ['product'], message: `got ${show(event.product)}, allowed: ${productAllowed}` };
  }
  if (visibleText(event.search_query) === null) {
    return {
      path: ['search_query'],
      message:
        `got ${show(event.search_query)}, allowed: text that is not blank ` +
        '(a search event needs a search_query or a product)',
    };
  }
  return null;
}

function readTimestamp(text: string): number | Problem {
  const timestamp = parseTimestamp(text);
  if (!timestamp.ok)
    return { path: ['timestamp'], message: `got ${show(text)}, ${timestamp.problem}` };
  if (timestamp.ms >= timestampMin) return timestamp.ms;
  return {
    path: ['timestamp'],
    message: `got ${show(text)}, allowed: from 2000-01-01T00:00:00Z on`,
  };
}

/** The event's own id, for reports about an event whose other fields may be invalid. */
function readableEventId(value: unknown): string | null {
  const id = valueAt(value, ['event_id']);
  return wireEventSchema.shape.event_id.safeParse(id).data ?? null;
}

/** @param message `got …, allowed: …` */
export function undecodable(message: string): Rejection {
  return reject('not_json', [], message, null);
}

/** @param message `got …, allowed: …` */
export function invalidEvent(message: string): Rejection {
  return reject('invalid_event', [], message, null);
}

export function tooLarge(got: string, most: number, eventId: string | null = null): Rejection {
  return reject('too_large', [], `got ${got}, allowed: at most ${most}`, eventId);
}

function tooFarAhead(
  { timestamp: text, event_id }: WireEvent,
  timestamp: number,
  now: number,
  { timestampAheadMsMax }: EventLimits,
): Rejection {
  const latest = new Date(now + timestampAheadMsMax).toISOString();
  const message =
    `got ${show(text)}, which is ${Math.ceil((timestamp - now) / 1000)} seconds ahead, ` +
    `allowed: at most ${timestampAheadMsMax / 1000} seconds ahead, which was ${latest}`;
  return {
    ...reject('timestamp_ahead', ['timestamp'], message, event_id),
    timestampAhead: timestamp,
  };
}

function reject(
  reason: DeadLetterReason,
  path: Path,
  message: string,
  eventId: string | null,
): Rejection {
  const field = path.length === 0 ? null : dotted(path);
  return {
    reason,
    message: `${field ?? 'event'}: ${message}`,
    field,
    eventId,
    timestampAhead: null,
  };
}
