// Events in Qdrant: written in their newest version, found by id, listed and counted.

import { isUuid } from '#core/event/uuid.ts';
import type { EventRecord, StoredEvent, VectorStore, WriteOutcome } from '#core/ports.ts';
import { byCount } from '#core/vectors/count-order.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { createEventPages } from './qdrant-event-pages.ts';
import { createEventWriter } from './qdrant-event-writes.ts';
import { filterOf } from './qdrant-filter.ts';
import { eventFields, storedEvent } from './qdrant-points.ts';
import type { QdrantTexts } from './qdrant-texts.ts';

export type QdrantEvents = {
  put(records: readonly EventRecord[]): Promise<readonly WriteOutcome[]>;
  byId(ids: readonly string[]): Promise<readonly StoredEvent[]>;
  list: VectorStore['events'];
  countsBy: VectorStore['countsBy'];
};

const countedKeys = {
  textId: 'text_id',
  category: 'product.category',
  eventType: 'event_type',
  productId: 'product.id',
} as const;

export function createQdrantEvents({
  qdrant,
  collection,
  texts,
}: {
  readonly qdrant: Qdrant;
  readonly collection: string;
  readonly texts: QdrantTexts;
}): QdrantEvents {
  const byId = async (ids: readonly string[]): Promise<readonly StoredEvent[]> => {
    const valid = ids.filter(isUuid);
    if (valid.length === 0) return [];
    return qdrant.read('read events', async (client) =>
      (await client.retrieve(collection, { ids: valid, with_payload: eventFields })).map(
        storedEvent,
      ),
    );
  };

  return {
    put: createEventWriter({ qdrant, collection, texts }),
    byId,
    list: createEventPages({ qdrant, collection, byId }),
    async countsBy({ by, filter: eventFilter, limit }) {
      const filter = filterOf(eventFilter);
      if (filter === null) return [];
      return qdrant.read('count events', async (client) => {
        const { hits } = await client.facet(collection, {
          key: countedKeys[by],
          filter,
          limit,
          exact: true,
        });
        return hits.map(({ value, count }) => ({ value: String(value), count })).toSorted(byCount);
      });
    },
  };
}
