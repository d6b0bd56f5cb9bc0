// Passes on the deliveries of a source in small portions, so that searches, heartbeats and HTTP
// requests can run between two portions.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Delivery, EventSource } from '#core/ports.ts';

/** About a few milliseconds of the pipeline's work. */
const deliveriesPerTurn = 32;

export function yieldingSource(source: EventSource): EventSource {
  return {
    ...source,
    async *deliveries(signal): AsyncGenerator<readonly Delivery[]> {
      for await (const deliveries of source.deliveries(signal)) {
        for (let at = 0; at < deliveries.length && !signal.aborted; at += deliveriesPerTurn) {
          yield deliveries.slice(at, at + deliveriesPerTurn);
          await nextTurn();
        }
      }
    },
  };
}
