// Limits what a client without the scope `read` may ask and see, such as the page of a shop. It
// sees products, but no event, and nobody's ids or queries.

import type { Context } from 'hono';
import { isUuid } from '#core/event/uuid.ts';
import type { SearchHit, VectorStore } from '#core/ports.ts';
import type { HitOrder } from '#core/vectors/shop/hit-order.ts';
import { grants } from '../../config/api-keys.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import { hitOf, type HitView } from './hits.ts';
import { idsOf, textsNotFound } from './text-ids.ts';

/** Whether the client may see what visitors did. */
export const mayRead = (c: Context<AppEnv>): boolean => grants(c.get('client').scopes, 'read');

/** Filters on products. All others ask for events of some visitors. */
const productFilters: ReadonlySet<string> = new Set([
  'brand',
  'category',
  'product_id',
  'price_min',
  'price_max',
]);

/** @throws ProblemError (403) for a filter that selects events by more than their product */
export function refusePrivateFilters(filter: object): void {
  for (const [name, value] of Object.entries(filter))
    if (value !== undefined && !productFilters.has(name)) throw readNeeded(`The filter ${name}`);
}

const readNeeded = (what: string): ProblemError =>
  new ProblemError({
    status: 403,
    code: 'scope_missing',
    detail: `${what} needs an API key with the scope read.`,
  });

/** @throws ProblemError when a client that may not read could ask what somebody else likes */
export function refusePrivateVisitor({
  filter,
  user_id,
  session_id: session,
}: {
  readonly filter: object;
  readonly user_id?: string | undefined;
  readonly session_id?: string | undefined;
}): void {
  refusePrivateFilters(filter);
  if (user_id !== undefined) throw readNeeded('user_id');
  if (session !== undefined && isGuessable(session))
    throw readNeeded(
      'A session_id that others can guess (allowed without it: ' +
        `${secretLengthMin} or more random characters, or a UUID of version 4 or 7)`,
    );
}

const secretLengthMin = 16;
/** A UUID of another version is made from a name or a time, as that of an event without session. */
const isGuessable = (id: string): boolean =>
  id.length < secretLengthMin || (isUuid(id) && !'47'.includes(id.charAt(14)));

/** A count below this could be about one person: a client that may not read does not see it. */
export const countMin = 5;

const shownCounts = ({ events }: SearchHit): readonly [string, number][] =>
  Object.entries(events.byType).filter(([, count]) => count >= countMin);

/** Not the true total: the difference would tell the hidden counts. */
export const publicTotalOf = (hit: SearchHit): number =>
  shownCounts(hit).reduce((sum, [, count]) => sum + count, 0);

export function publicHitOf(hit: SearchHit): HitView {
  const shown = shownCounts(hit);
  const { newest: _, ...rest } = hitOf(hit);
  return {
    ...rest,
    events: {
      total: publicTotalOf(hit),
      by_type: Object.fromEntries<number>(shown) satisfies Record<string, number>,
    },
  };
}

/** What a search asks for beyond products near its query. */
type PrivateParts = {
  readonly filter: object;
  readonly eventsLimit: number;
  readonly sort?: HitOrder | undefined;
  readonly text_id?: string | readonly string[] | undefined;
  readonly unlike_text_id?: string | readonly string[] | undefined;
};

/** @throws ProblemError when a client that may not read asks for more than products */
export async function refusePrivateSearch(
  store: VectorStore,
  { filter, eventsLimit, sort, text_id: like = [], unlike_text_id: unlike = [] }: PrivateParts,
): Promise<void> {
  refusePrivateFilters(filter);
  if (eventsLimit > 0) throw readNeeded('events_limit');
  // It tells which product somebody has just touched.
  if (sort === 'newest') throw readNeeded('sort by newest');
  const ids = [...idsOf(like), ...idsOf(unlike)];
  const texts = await store.texts(ids);
  // Whether a visitor has searched for a text is not for everybody to know.
  const hidden = ids.filter((id) => texts.get(id)?.kind !== 'product');
  if (hidden.length > 0) throw textsNotFound(hidden);
}
