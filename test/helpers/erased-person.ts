// A person who is to be erased and one who stays: what they did, and where to look for it.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const lost = 'anna-4711@example.com';
/** Who the lost person was before signing in, in the same visit. */
export const guest = 'guest-77';
export const other = 'ben-42';

/** UTC ms. */
export const hourAgo = Date.now() - 3_600_000;

/** As text, whatever carries it. */
export type PersonRecord = { readonly key: string | null; readonly value: string };

const recordOf = (
  {
    id,
    user,
    session,
    ...fields
  }: Readonly<Record<'id' | 'user' | 'session', string>> & Readonly<Record<string, unknown>>,
  agoMs: number,
): PersonRecord => ({
  key: user,
  value: JSON.stringify({
    event_id: id,
    user_id: user,
    session_id: session,
    timestamp: new Date(hourAgo - agoMs).toISOString(),
    ...fields,
  }),
});

/** Views, searches with queries of their own, and what becomes a dead letter: 6 in 100. */
export function recordsOf(user: string, count: number, perSession = 20): PersonRecord[] {
  return Array.from({ length: count }, (_, n) => {
    const did =
      n % 5 === 0
        ? { event_type: 'search', search_query: `wish ${n} of ${user}` }
        : { event_type: 'view', product: { id: `p-${n % 7}`, name: `Lamp ${n % 7}`, price: 5 } };
    const session = `visit ${Math.floor(n / perSession)} of ${user}`;
    const fields = { id: `${n} of ${user}`, user, session, ...did };
    if (n % 50 === 7)
      return { ...recordOf({ ...fields, event_type: 'nonsense' }, n * 1000), key: null };
    if (n % 50 === 8) return { key: user, value: `{"broken":"${user}"` };
    if (n % 50 === 9) return { key: null, value: `{"user_id": "${user}", "event` };
    return recordOf(fields, n * 1000);
  });
}

export const isDeadLetter = (n: number): boolean => [7, 8, 9].includes(n % 50);

/** In a session of the lost person. */
export const beforeSignIn = recordOf(
  {
    id: 'guest-1',
    user: guest,
    session: `visit 1 of ${lost}`,
    event_type: 'view',
    product: { id: 'p-1', name: 'Lamp 1', price: 5 },
  },
  0,
);

/** Files below a folder that hold one of the texts, in any place. */
export async function filesWith(folder: string, ...texts: string[]): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const { name, parentPath } of entries.filter((entry) => entry.isFile())) {
    const bytes = await readFile(join(parentPath, name)).catch(() => Buffer.alloc(0));
    if (texts.some((text) => bytes.includes(text))) found.push(name);
  }
  return found;
}
