// Gives a session to an event that was sent without one: all that a user does on one day (UTC). It
// depends on nothing else, so that an event that is read again gets the same session.

import { parseTimestamp } from './timestamp.ts';
import { uuidV5 } from './uuid.ts';

/**
 * UUIDv5 of the day and the user, for a timestamp that `parseTimestamp` reads; for any other text,
 * which no event can have, of the text.
 */
export function sessionIdOf(userId: string, timestamp: string): string {
  const time = parseTimestamp(timestamp);
  const day = time.ok ? new Date(time.ms).toISOString().slice(0, 10) : timestamp;
  return uuidV5(`session/${day}/${userId}`);
}
