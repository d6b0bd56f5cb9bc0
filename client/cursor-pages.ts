// Turns a paged list of the API into one sequence. It fetches a page when the items of the page
// before are used up.

import type { Call, CallOptions, Transport } from './transport.ts';

export type Page<T> = { readonly items: readonly T[]; readonly next_cursor: string | null };

/** Ends after the last page. `limit` in the query is the size of a page, not of the list. */
export async function* pagesOf<T>(
  transport: Transport,
  call: Call,
  options?: CallOptions,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | null = null;
  do {
    const page: Page<T> = await transport.json(
      { ...call, query: { ...call.query, ...(cursor !== null && { cursor }) } },
      options,
    );
    yield* page.items;
    cursor = page.next_cursor;
  } while (cursor !== null);
}
