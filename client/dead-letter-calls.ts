// Dead letters: looking at them, putting them back into the source, purging them.
import type {
  LetterBatch,
  LetterBatchDone,
  LetterPurge,
  LetterReplay,
  LetterReplayed,
  LettersPurged,
  LetterToAdd,
} from '../gateway/api/routes/dead-letter-operations.ts';
import type { LetterCounts } from '../gateway/api/routes/dead-letter-routes.ts';
import type { Letter, LetterQuery } from '../gateway/api/routes/dead-letter-view.ts';
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
      query: LetterQuery & { readonly limit?: number } = {},
      options?: CallOptions,
    ): AsyncGenerator<Letter, void, undefined> =>
      pagesOf(transport, { method: 'GET', path: '/dlq/messages', query }, options),

    /** In full; `null` when there is none. */
    get: (id: string, options?: CallOptions): Promise<Letter | null> =>
      transport
        .json<Letter>({ method: 'GET', path: at(id) }, options)
        .catch(absent('dead_letter_not_found')),

    stats: (options?: CallOptions): Promise<LetterCounts> =>
      transport.json({ method: 'GET', path: '/dlq/stats' }, options),

    /** Sent again under the same request id it stays one letter. */
    add: (letter: LetterToAdd, options?: CallOptions): Promise<Letter> =>
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
      replay: LetterReplay = {},
      options?: CallOptions,
    ): Promise<LetterReplayed> =>
      transport.json(
        { method: 'POST', path: `/dlq/replay/${encodeURIComponent(id)}`, json: replay },
        options,
      ),

    /**
     * One call's worth of those that match; ask again with `cursor: next_cursor` until that is
     * null.
     */
    replayBatch: (batch: LetterBatch, options?: CallOptions): Promise<LetterBatchDone> =>
      transport.json({ method: 'POST', path: '/dlq/replay/batch', json: batch }, options),

    /** Its payload goes, its reason stays. */
    purge: (id: string, options?: CallOptions): Promise<void> =>
      transport.json({ method: 'DELETE', path: at(id), repeat: 'always' }, options),

    /** Without `confirm` it counts; with the number that it counted it purges. */
    purgeMatching: (purge: LetterPurge, options?: CallOptions): Promise<LettersPurged> =>
      transport.json({ method: 'POST', path: '/dlq/purge', json: purge }, options),
  };
}

const at = (id: string): string => `/dlq/messages/${encodeURIComponent(id)}`;
