// Finds newest events in Qdrant: those of many filters by one request.

import type { Schemas } from '@qdrant/js-client-rest';
import type { EventFilter, StoredEvent } from '#core/ports.ts';
import type { QdrantCollections } from './qdrant-collections.ts';
import type { Qdrant } from './qdrant-connection.ts';
import type { QdrantEvents } from './qdrant-events.ts';
import { type Filter, isValue } from './qdrant-filter.ts';
import { eventFields, storedEvent } from './qdrant-points.ts';

/** Reads the newest matching events of each filter. */
export type ReadNewest = <T>(
  filters: readonly Filter[],
  limit: number,
  fields: readonly string[],
  read: (point: Schemas['Record']) => T,
) => Promise<readonly (readonly T[])[]>;

type Options = { readonly qdrant: Qdrant; readonly names: QdrantCollections };

export function createReadNewest({ qdrant, names }: Options): ReadNewest {
  return (filters, limit, fields, read) =>
    qdrant.read('find newest events', async (client) => {
      const answers = await client.queryBatch(names.events, {
        searches: filters.map((filter) => ({
          query: { order_by: { key: 'timestamp', direction: 'desc' } },
          filter,
          limit,
          with_payload: [...fields],
        })),
      });
      return answers.map(({ points }) => points.map(read));
    });
}

/** Which events count: as the caller gave it, without texts, and in Qdrant's terms. */
export type EventsFilter = {
  readonly eventFilter: Omit<EventFilter, 'textIds'>;
  readonly filter: Filter;
};

/** The newest matching event of each of these texts that has one. */
export type FindNewestEvents = (
  filters: EventsFilter,
  textIds: readonly string[],
) => Promise<ReadonlyMap<string, StoredEvent>>;

export function createNewestEvents({
  events,
  ...options
}: Options & { readonly events: QdrantEvents }): FindNewestEvents {
  const newest = createReadNewest(options);
  return async ({ eventFilter, filter }, textIds) => {
    if (textIds.length === 0) return new Map();
    // The second shows whether several share the time of the newest.
    const found = await newest(
      textIds.map((id) => ({ must: [isValue('text_id', id), ...filter.must] })),
      2,
      eventFields,
      storedEvent,
    );
    const chosen = await Promise.all(
      found.map(async ([first, second]) => {
        if (first === undefined || first.timestamp !== second?.timestamp) return first;
        return (await events.list({ ...eventFilter, textIds: [first.textId] }, 1))[0];
      }),
    );
    return new Map(chosen.flatMap((event) => (event === undefined ? [] : [[event.textId, event]])));
  };
}
