// Reads the newest events of a range for a funnel.

import { funnelOf } from '#core/analysis/funnel.ts';
import type { Funnel, FunnelRequest, FunnelTouch } from '#core/ports.ts';
import type { Statements } from './database.ts';
import { eventProduct } from './event-filter.ts';
import { type Row, uuidOf } from './stored-rows.ts';

export type FunnelReads = { funnel(request: FunnelRequest): Funnel };

export function createFunnelReads(statements: Statements): FunnelReads {
  return {
    funnel(request) {
      const newest = statements.get(`
        SELECT session_id, timestamp, event_type, ${eventProduct} AS product_id, category,
          texts.id AS text_id
        FROM events INDEXED BY events_by_time JOIN texts ON texts.key = events.text
        WHERE timestamp BETWEEN ? AND ? ORDER BY timestamp DESC LIMIT ?`);
      const rows = newest.all(request.since, request.until, request.eventsMax);
      return funnelOf(rows.map(touchOf), request);
    },
  };
}

function touchOf(row: Row): FunnelTouch {
  const { product_id: productId, category } = row;
  return {
    sessionId: String(row['session_id']),
    timestamp: Number(row['timestamp']),
    eventType: String(row['event_type']),
    productId: typeof productId === 'string' ? productId : null,
    category: typeof category === 'string' ? category : null,
    textId: uuidOf(row['text_id']),
  };
}
