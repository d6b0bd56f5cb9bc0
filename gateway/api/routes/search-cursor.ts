// Makes and reads the cursor of a search. It says where the next page begins: it carries the place
// of the last hit and the request that it belongs to.

import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import type { SearchHit, SearchCursor } from '#core/ports.ts';
import { badCursor } from './schemas.ts';

/** A page costs as much as all before it: no page goes further down than this. */
export const hitsMax = 10_000;

export type SearchPage = {
  readonly after: SearchCursor;
  /** Hits on the pages before. */ readonly shown: number;
};

const cursorSchema = z.tuple([
  z.number(),
  z.int().nullable(),
  z.uuid(),
  z.int().min(1),
  z.string(),
]);

/**
 * `request`: what must stay the same from page to page. `withTime`: whether the cursor may tell the
 * time of an event.
 */
export function nextSearchCursor(
  request: unknown,
  hits: readonly SearchHit[],
  {
    limit,
    shownBefore,
    withTime,
  }: { readonly limit: number; readonly shownBefore: number; readonly withTime: boolean },
): string | null {
  const last = hits.at(-1);
  const shown = shownBefore + hits.length;
  if (last === undefined || hits.length < limit || shown >= hitsMax) return null;
  const cursor: z.infer<typeof cursorSchema> = [
    last.score,
    withTime ? (last.newest?.timestamp ?? 0) : null,
    last.textId,
    shown,
    markOf(request),
  ];
  return Buffer.from(JSON.stringify(cursor)).toString('base64url');
}

/**
 * Throws `ProblemError` (422) for one that was not given, or for another request. `newestOf` finds
 * the time of a text's newest matching event for a cursor without it; `null`: such a cursor is not
 * allowed. With it, a time in the cursor is ignored, because a client could probe times with it.
 */
export async function parseSearchCursor(
  cursor: string,
  request: unknown,
  newestOf: ((textId: string) => Promise<number | null>) | null,
): Promise<SearchPage> {
  const [score, time, textId, shown, mark] = readCursor(cursor);
  if (mark !== markOf(request)) throw badCursor();
  const newestAt = newestOf === null ? time : await newestOf(textId);
  if (newestAt === null) throw badCursor();
  return { after: { score, newestAt, textId }, shown };
}

function readCursor(cursor: string): z.infer<typeof cursorSchema> {
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw badCursor();
  }
}

/** Tells requests apart. */
export const markOf = (request: unknown): string =>
  createHash('sha256').update(JSON.stringify(request)).digest('base64url').slice(0, 12);
