// Gives an event the id under which it is stored, and tells two events apart that would share one.

import { isUuid, uuidV5 } from './uuid.ts';

/** The id that the client sent, with a UUID in lower case: its case means nothing. */
export function rawIdOf(eventId: string): string {
  return isUuid(eventId) ? eventId.toLowerCase() : eventId;
}

/** A UUID: the raw id if it is one, else its UUIDv5. */
export function storedIdOf(eventId: string): string {
  const rawId = rawIdOf(eventId);
  return isUuid(rawId) ? rawId : uuidV5(rawId);
}

/**
 * Whether another raw id may have the same stored id: a text and the UUIDv5 of it do. A UUID of
 * another version shares its id with nothing.
 */
export function mayShareId(eventId: string): boolean {
  return !isUuid(eventId) || eventId.charAt(14) === '5';
}
