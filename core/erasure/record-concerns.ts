// Finds out whom a record concerns, even when it is not a valid event.

import { isExactNumber } from '#core/event/exact-json.ts';
import { parseJson } from '#core/event/json-guard.ts';
import type { LogRecord } from '#core/ports.ts';
import type { Concerned } from './tombstones.ts';

/** The header of a record that was emptied, see `EventSink.erase`. */
export const erasedHeader = 'x-erased';

/** A person: the user id, and the ids of the sessions that are this user's own. */
export type Person = { readonly userId: string; readonly sessionIds: ReadonlySet<string> };

const utf8 = new TextDecoder();
/** Finds the user id in what is nearly JSON. */
const brokenUserId = /"user_id"\s*:\s*"([^"\\]*)"/;

/**
 * Reads the ids of an event that may be invalid in any way. The key counts as the user id when the
 * value does not name one.
 */
export function concernedIn({ key, value }: Pick<LogRecord, 'key' | 'value'>): Concerned {
  const event = objectIn(value);
  const named = event === null ? brokenUserId.exec(utf8.decode(value))?.[1] : undefined;
  return {
    userId: userIn(event) ?? named ?? (key === null ? null : utf8.decode(key)),
    sessionId: sessionIn(event),
    product: null,
    id: null,
    timestamp: null,
  };
}

/**
 * Whether the record is about the person: by its ids, or, when it names no user, by its key or any
 * mention of the user id.
 */
export function isAbout(
  { userId, sessionIds }: Person,
  { key, value }: Pick<LogRecord, 'key' | 'value'>,
): boolean {
  const event = objectIn(value);
  const [user, session] = [userIn(event), sessionIn(event)];
  if (user === userId || (session !== null && sessionIds.has(session))) return true;
  if (user !== null) return false;
  return (key !== null && utf8.decode(key) === userId) || mentions(utf8.decode(value), userId);
}

/** Whether the text holds the id, and not as a part of a longer one. A short id needs quotes. */
export function mentions(text: string, id: string): boolean {
  const isShort = id.length < shortLength;
  for (let at = text.indexOf(id); at >= 0; at = text.indexOf(id, at + 1)) {
    const [before, after] = [text.charAt(at - 1), text.charAt(at + id.length)];
    if (isShort ? before === '"' && after === '"' : !inId.test(before) && !inId.test(after))
      return true;
  }
  return false;
}

const shortLength = 4;
const inId = /[\p{L}\p{N}_-]/u;

function objectIn(value: Uint8Array): Readonly<Record<string, unknown>> | null {
  const json = parseJson(value);
  return json.ok && typeof json.value === 'object' && json.value !== null
    ? { ...json.value }
    : null;
}

type Fields = Readonly<Record<string, unknown>> | null;
const userIn = (event: Fields): string | null => idOf(event?.['user_id'] ?? event?.['userId']);
const sessionIn = (event: Fields): string | null =>
  idOf(event?.['session_id'] ?? event?.['sessionId']);

/** The id as the parser reads it: a long number as its digits. */
function idOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return isExactNumber(value) ? value.rawJSON : null;
}
