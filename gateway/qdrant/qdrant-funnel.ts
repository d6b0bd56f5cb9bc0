// Reads the newest events of a range from Qdrant for a funnel, by one request.

import type { Schemas } from '@qdrant/js-client-rest';
import { funnelOf } from '#core/analysis/funnel.ts';
import type { FunnelTouch, VectorStore } from '#core/ports.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { filterOf } from './qdrant-filter.ts';
import { indexedProduct, stringAt, timeAt } from './qdrant-points.ts';

const fields = ['session_id', 'timestamp', 'event_type', 'product', 'text_id'];

export function createQdrantFunnel(qdrant: Qdrant, collection: string): VectorStore['funnel'] {
  return async (request) => {
    const { since, until, eventsMax } = request;
    const touches = await qdrant.read('read events of a range', async (client) => {
      const { points } = await client.scroll(collection, {
        filter: filterOf({ since, until }),
        limit: eventsMax,
        order_by: { key: 'timestamp', direction: 'desc' },
        with_payload: fields,
      });
      return points.map(touchOf);
    });
    return funnelOf(touches, request);
  };
}

function touchOf({ payload }: Schemas['Record']): FunnelTouch {
  const { id, category } = indexedProduct(payload);
  return {
    sessionId: stringAt(payload, 'session_id'),
    timestamp: timeAt(payload, 'timestamp'),
    eventType: stringAt(payload, 'event_type'),
    productId: id,
    category,
    textId: stringAt(payload, 'text_id'),
  };
}
