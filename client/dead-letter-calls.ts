// Dead letters: looking at them, putting them back into the source, purging them.

import type {
  DeadLetterBatch,
  DeadLetterBatchDone,
  DeadLetterPurge,
  DeadLetterReplay,
  DeadLetterReplayed,
  DeadLettersPurged,
  DeadLetterToAdd,
} from '../gateway/api/routes/dead-letter-operations.ts';
import type { DeadLetterCounts } from '../gateway/api/routes/dead-letter-routes.ts';
import type {
  DeadLetterView,
  DeadLetterListQuery,
} from '../gateway/api/routes/dead-letter-view.ts';
import { pagesOf } from './cursor-pages.ts';
import { absent } from './event-calls.ts';
import type { CallOptions, Transport } from './transport.ts';

export function deadLetterCalls(transport: Transport) {
  return {
    /**
     * Newest first, large values cut; pages are fetched as they are needed. `limit` is the size of
     * a page.
     */
    list: (
      query: DeadLetterListQuery & { readonly limit?: number } = {},
      options?: CallOptions,
    ): AsyncGenerator<DeadLetterView, void, undefined> =>
      pagesOf(transport, { method: 'GET', path: '/dlq/messages', query }, options),

    /** In full; `null` when there is none. */
    get: (id: string, options?: CallOptions): Promise<DeadLetterView | null> =>
      transport
        .json<DeadLetterView>({ method: 'GET', path: at(id) }, options)
        .catch(absent('dead_letter_not_found')),

    stats: (options?: CallOptions): Promise<DeadLetterCounts> =>
      transport.json({ method: 'GET', path: '/dlq/stats' }, options),

    /** Sent again under the same request id it stays one letter. */
    add: (letter: DeadLetterToAdd, options?: CallOptions): Promise<DeadLetterView> =>
      transport.json(
        {
          method: 'POST',
          path: '/dlq/messages',
          json: letter,
          repeat: 'always',
          headers: { 'X-Request-Id': crypto.randomUUID() },
        },
        options,
      ),

    /** As it was, or corrected (`payload`). Durable in the source when this resolves. */
    replay: (
      id: string,
      replay: DeadLetterReplay = {},
      options?: CallOptions,
    ): Promise<DeadLetterReplayed> =>
      transport.json(
        { method: 'POST', path: `/dlq/replay/${encodeURIComponent(id)}`, json: replay },
        options,
      ),

    /**
     * One call's worth of those that match; ask again with `cursor: next_cursor` until that is
     * null.
     */
    replayBatch: (batch: DeadLetterBatch, options?: CallOptions): Promise<DeadLetterBatchDone> =>
      transport.json({ method: 'POST', path: '/dlq/replay/batch', json: batch }, options),

    /** Its payload goes, its reason stays. */
    purge: (id: string, options?: CallOptions): Promise<void> =>
      transport.json({ method: 'DELETE', path: at(id), repeat: 'always' }, options),

    /** Without `confirm` it counts; with the number that it counted it purges. */
    purgeMatching: (purge: DeadLetterPurge, options?: CallOptions): Promise<DeadLettersPurged> =>
      transport.json({ method: 'POST', path: '/dlq/purge', json: purge }, options),
  };
}

const at = (id: string): string => `/dlq/messages/${encodeURIComponent(id)}`;
