// Gives every item of a write its own outcome, even when the store refuses a whole batch because of
// one bad item.

import { DependencyError } from '#core/errors/errors.ts';

/** The store refused this item for its content. */
export type Refused = { readonly status: 'rejected'; readonly message: string };

/**
 * One outcome per item, in order. When the store refuses a batch for its content, the batch is
 * halved until the bad item stands alone. One bad item costs about 2 log2(n) more calls.
 *
 * @throws what `write` throws, unless it is a `DependencyError` that is not retryable
 */
export async function writeBisecting<T, R>(
  items: readonly T[],
  write: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<readonly (R | Refused)[]> {
  try {
    return await write(items);
  } catch (error) {
    if (!(error instanceof DependencyError) || error.retryable) throw error;
    if (items.length === 1) return [{ status: 'rejected', message: error.message }];
    const half = Math.ceil(items.length / 2);
    return [
      ...(await writeBisecting(items.slice(0, half), write)),
      ...(await writeBisecting(items.slice(half), write)),
    ];
  }
}
