// The calls on stored texts: every text with its vector and who computed it.

import type {
  StoredTextPage,
  StoredTextQuery,
  StoredTextView,
} from '../gateway/api/routes/stored-text-routes.ts';
import { wholePagesOf } from './cursor-pages.ts';
import type { CallOptions, Transport } from './transport.ts';
import { vectorOf } from './vector-of.ts';

/** `vector` is `null` while it is withheld. */
export type StoredText = Omit<StoredTextView, 'vector'> & { readonly vector: Float32Array | null };
export type TextPage = Omit<StoredTextPage, 'items'> & { readonly items: readonly StoredText[] };

export function textCalls(transport: Transport) {
  return {
    /** All stored texts in order of their ids, page by page; `limit` is the size of a page. */
    async *pages(
      { limit }: Pick<StoredTextQuery, 'limit'> = {},
      options?: CallOptions,
    ): AsyncGenerator<TextPage, void, undefined> {
      const query = { encoding_format: 'base64', limit };
      const call = { method: 'GET', path: '/texts', query } as const;
      for await (const page of wholePagesOf<StoredTextPage>(transport, call, options))
        yield {
          ...page,
          items: page.items.map((item) => ({
            ...item,
            vector: typeof item.vector === 'string' ? vectorOf(item.vector) : null,
          })),
        };
    },
  };
}
