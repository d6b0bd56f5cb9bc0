// The calls on dead letters: list, read, add, replay and purge.

import { randomUuid } from '#core/event/random-uuid.ts';
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
import { nullWhen } from './api-errors.ts';
import { pagesOf } from './cursor-pages.ts';
import type { CallOptions, Transport } from './transport.ts';

export type { DeadLetterView as DeadLetter };

export function deadLetterCalls(transport: Transport) {
  return {
    /**
     * Newest first, with large values cut. Pages are fetched as they are needed; `limit` is the
     * size of a page.
     */
    list: (
      query: DeadLetterListQuery & { readonly limit?: number } = {},
      options?: CallOptions,
    ): AsyncGenerator<DeadLetterView, void, undefined> =>
      pagesOf(transport, { method: 'GET', path: '/dlq/messages', query }, options),

    /** The whole dead letter; `null` when there is none with this id. */
    get: (id: string, options?: CallOptions): Promise<DeadLetterView | null> =>
      transport
        .json<DeadLetterView>({ method: 'GET', path: pathOf(id) }, options)
        .catch(nullWhen('dead_letter_not_found')),

    stats: (options?: CallOptions): Promise<DeadLetterCounts> =>
      transport.json({ method: 'GET', path: '/dlq/stats' }, options),

    /** Retries carry the same request id, so that the gateway adds one dead letter only. */
    add: (deadLetter: DeadLetterToAdd, options?: CallOptions): Promise<DeadLetterView> =>
      transport.json(
        {
          method: 'POST',
          path: '/dlq/messages',
          json: deadLetter,
          repeat: 'always',
          headers: { 'X-Request-Id': randomUuid() },
        },
        options,
      ),

    /**
     * Replays the record as it was, or corrected (`payload`). It is durable in the source when this
     * resolves.
     */
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
     * Replays as many matching dead letters as one call may. Call again with `cursor: next_cursor`
     * until that is null.
     */
    replayBatch: (batch: DeadLetterBatch, options?: CallOptions): Promise<DeadLetterBatchDone> =>
      transport.json({ method: 'POST', path: '/dlq/replay/batch', json: batch }, options),

    /** Deletes the payload and keeps the reason. */
    purge: (id: string, options?: CallOptions): Promise<void> =>
      transport.json({ method: 'DELETE', path: pathOf(id), repeat: 'always' }, options),

    /** Counts without `confirm`; purges when `confirm` is the number that it counted. */
    purgeMatching: (purge: DeadLetterPurge, options?: CallOptions): Promise<DeadLettersPurged> =>
      transport.json({ method: 'POST', path: '/dlq/purge', json: purge }, options),
  };
}

const pathOf = (id: string): string => `/dlq/messages/${encodeURIComponent(id)}`;
