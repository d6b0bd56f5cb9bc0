// Gives every item of a write its outcome, even when the store refuses the whole batch for the sake
// of one.

import { DependencyError } from '#core/errors/errors.ts';

type Refused = { readonly status: 'rejected'; readonly message: string };

/**
 * One outcome per item, in order. A batch that is refused for its content is halved until the bad
 * item stands alone: log2(n) extra calls for one bad item. Trouble that may pass is thrown on.
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
