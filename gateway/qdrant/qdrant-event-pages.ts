// Lists events in Qdrant by pages, newest first: by timestamp, then by id.

import type { Schemas } from '@qdrant/js-client-rest';
import type { StoredEvent, VectorStore } from '#core/ports.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { type Filter, filterOf, isAtTime, isBefore } from './qdrant-filter.ts';
import { eventFields, storedEvent } from './qdrant-points.ts';

/** Ids read at a time where many events share a millisecond. */
const tiePage = 1_000;

export function createEventPages({
  qdrant,
  collection,
  byId,
}: {
  readonly qdrant: Qdrant;
  readonly collection: string;
  readonly byId: (ids: readonly string[]) => Promise<readonly StoredEvent[]>;
}): VectorStore['events'] {
  const newest = (filter: Filter, limit: number): Promise<readonly StoredEvent[]> =>
    qdrant.read('list events', async (client) => {
      const { points } = await client.scroll(collection, {
        filter,
        limit,
        order_by: { key: 'timestamp', direction: 'desc' },
        with_payload: eventFields,
      });
      return points.map(storedEvent).toSorted(newestFirst);
    });

  /**
   * Events of one millisecond, highest id first, below an id. Qdrant lists them in no order that a
   * page could continue from, so all their ids are read: the cost grows with the number of events
   * that share the millisecond.
   */
  const ofMillisecond = async (
    filter: Filter,
    ms: number,
    below: string | null,
    limit: number,
  ): Promise<readonly StoredEvent[]> => {
    const inMillisecond = { must: [...filter.must, isAtTime('timestamp', ms)] };
    const ids = await qdrant.read('list events', async (client) => {
      let highest: string[] = [];
      let offset: Schemas['ScrollResult']['next_page_offset'] = null;
      do {
        const page: Schemas['ScrollResult'] = await client.scroll(collection, {
          filter: inMillisecond,
          limit: tiePage,
          with_payload: false,
          offset,
        });
        const lower = page.points
          .map(({ id }) => String(id))
          .filter((id) => below === null || id < below);
        highest = [...highest, ...lower].toSorted().slice(-limit);
        offset = page.next_page_offset ?? null;
      } while (offset !== null);
      return highest;
    });
    return (await byId(ids)).filter(({ timestamp }) => timestamp === ms).toSorted(newestFirst);
  };

  return async (eventFilter, limit, after) => {
    const filter = filterOf(eventFilter);
    if (filter === null) return [];
    const listed =
      after === undefined
        ? []
        : [...(await ofMillisecond(filter, after.timestamp, after.id.toLowerCase(), limit))];
    const missing = limit - listed.length;
    if (missing <= 0) return listed;
    const older =
      after === undefined
        ? filter
        : { must: [...filter.must, isBefore('timestamp', after.timestamp)] };
    // One event more than needed shows whether the last millisecond of the page continues after it.
    const page = await newest(older, missing + 1);
    const cut = page[missing]?.timestamp;
    if (cut === undefined || cut !== page[missing - 1]?.timestamp)
      return [...listed, ...page.slice(0, missing)];
    const whole = page.filter(({ timestamp }) => timestamp > cut);
    return [
      ...listed,
      ...whole,
      ...(await ofMillisecond(older, cut, null, missing - whole.length)),
    ];
  };
}

function newestFirst(a: StoredEvent, b: StoredEvent): number {
  return b.timestamp - a.timestamp || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
