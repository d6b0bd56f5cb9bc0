// Finds the sessions of a user that are this user's own: what others did in them belongs to the
// same person, such as a visit that began before the sign-in.

import type { StoredEvent, VectorStore } from '#core/ports.ts';

/** A session with events of more other users than this is not one person's. */
const otherUsersMax = 3;
const pageMax = 1_000;

export type OwnSessions = { readonly own: readonly string[]; readonly shared: number };

/** @param known those that were found before; their events may be erased already */
export async function ownSessions(
  store: VectorStore,
  userId: string,
  known: readonly string[],
): Promise<OwnSessions> {
  const found = new Set<string>();
  let after: StoredEvent | undefined;
  do {
    const page = await store.events({ userId }, pageMax, after);
    for (const event of page) found.add(idsOf(event).sessionId);
    after = page.length < pageMax ? undefined : page.at(-1);
  } while (after !== undefined);
  const own = new Set(known);
  let shared = 0;
  for (const sessionId of found) {
    if (own.has(sessionId)) continue;
    const events = await store.events({ sessionId }, pageMax);
    const users = new Set(events.map((event) => idsOf(event).userId));
    users.delete(userId);
    if (users.size <= otherUsersMax) own.add(sessionId);
    else shared += 1;
  }
  return { own: [...own], shared };
}

function idsOf({ payload }: StoredEvent): { readonly userId: string; readonly sessionId: string } {
  const event: Readonly<Record<string, unknown>> = JSON.parse(payload);
  return { userId: String(event['user_id']), sessionId: String(event['session_id']) };
}
