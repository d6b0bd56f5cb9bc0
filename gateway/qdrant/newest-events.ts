// Finds the newest matching event of each of some texts in Qdrant, with few requests.

import type { EventFilter } from '#core/ports.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import type { QdrantEvents } from './qdrant-events.ts';
import { type Filter, isAnyText } from './qdrant-filter.ts';
import { stringAt, timeAt } from './qdrant-points.ts';

export type NewestEvent = { readonly id: string; readonly timestamp: number };

/** Which events count: as the caller gave it, and in Qdrant's terms. */
export type EventsFilter = { readonly eventFilter: EventFilter; readonly filter: Filter };

export type FindNewestEvents = (
  filters: EventsFilter,
  textIds: readonly string[],
) => Promise<ReadonlyMap<string, NewestEvent>>;

type TextEvent = NewestEvent & { readonly textId: string };

/**
 * One page of the newest events of all texts settles each text whose newest event lies within it;
 * the remaining texts are asked for again. Every page settles at least one text, usually most.
 */
export function createNewestEvents({
  qdrant,
  names,
  events,
}: {
  readonly qdrant: Qdrant;
  readonly names: QdrantCollections;
  readonly events: QdrantEvents;
}): FindNewestEvents {
  const newestOf = (
    filter: Filter,
    textIds: readonly string[],
    limit: number,
  ): Promise<readonly TextEvent[]> =>
    qdrant.read('find newest events', async (client) => {
      const { points } = await client.scroll(names.events, {
        filter: { must: [isAnyText(textIds), ...filter.must] },
        limit,
        order_by: { key: 'timestamp', direction: 'desc' },
        with_payload: ['text_id', 'timestamp'],
      });
      return points.map(({ id, payload }) => ({
        id: String(id),
        textId: stringAt(payload, 'text_id'),
        timestamp: timeAt(payload, 'timestamp'),
      }));
    });

  return async ({ eventFilter, filter }, textIds) => {
    const newest = new Map<string, NewestEvent>();
    for (let open = [...textIds]; open.length > 0; open = open.filter((id) => !newest.has(id))) {
      const limit = Math.min(1_000, Math.max(32, open.length * 4));
      const page = await newestOf(filter, open, limit);
      const isAll = page.length < limit;
      for (const [textId, event] of newestOfPage(page, isAll)) newest.set(textId, event);
      if (isAll) break;
      const [first] = page;
      if (first !== undefined && !newest.has(first.textId)) {
        // The whole page shares one millisecond.
        const [event] = await events.list({ ...eventFilter, textIds: [first.textId] }, 1);
        if (event !== undefined) newest.set(first.textId, event);
        else open = open.filter((id) => id !== first.textId);
      }
    }
    return newest;
  };
}

/**
 * @param page events by descending timestamp
 * @param isAll whether no event is missing after the page
 */
function newestOfPage(
  page: readonly TextEvent[],
  isAll: boolean,
): ReadonlyMap<string, NewestEvent> {
  const newest = new Map<string, NewestEvent>();
  const last = page.at(-1)?.timestamp ?? Infinity;
  for (const { textId, id, timestamp } of page) {
    // An event of the page's last millisecond with a higher id may follow after the page.
    if (!isAll && timestamp <= last) continue;
    const found = newest.get(textId);
    if (found === undefined || (found.timestamp === timestamp && found.id < id))
      newest.set(textId, { id, timestamp });
  }
  return newest;
}
