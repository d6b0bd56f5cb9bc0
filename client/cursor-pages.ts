// Turns a paged list of the API into one sequence. It fetches a page when the page before is used
// up.

import type { Call, CallOptions, Transport } from './transport.ts';

export type Page<T> = { readonly items: readonly T[]; readonly next_cursor: string | null };

/** Ends after the last page. `limit` in the query is the size of a page, not of the list. */
export async function* pagesOf<T>(
  transport: Transport,
  call: Call,
  options?: CallOptions,
): AsyncGenerator<T, void, undefined> {
  for await (const { items } of wholePagesOf<Page<T>>(transport, call, options)) yield* items;
}

/** The same, page by page. */
export async function* wholePagesOf<P extends Pick<Page<unknown>, 'next_cursor'>>(
  transport: Transport,
  call: Call,
  options?: CallOptions,
): AsyncGenerator<P, void, undefined> {
  let cursor: string | null = null;
  do {
    const page: P = await transport.json(
      { ...call, query: { ...call.query, ...(cursor !== null && { cursor }) } },
      options,
    );
    yield page;
    cursor = page.next_cursor;
  } while (cursor !== null);
}
