// Holds deliveries back until it is known which events are erased.

import { once } from 'node:events';
import type { EventSource } from '#core/ports.ts';

export function heldSource(source: EventSource, ready: Promise<void>): EventSource {
  return {
    ...source,
    async *deliveries(signal) {
      if (!signal.aborted) {
        const done = new AbortController();
        const stopped = once(signal, 'abort', { signal: done.signal }).catch(() => undefined);
        await Promise.race([ready, stopped]);
        done.abort();
      }
      if (!signal.aborted) yield* source.deliveries(signal);
    },
  };
}
