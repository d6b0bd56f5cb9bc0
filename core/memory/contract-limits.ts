// Holds callers of the adapters in memory to the limits that the ports declare.

import { assert } from '#core/errors/assert.ts';

/** A write call carries at most as many items as the store declares. */
export function assertBatch(items: readonly unknown[], max: number, what: string): void {
  assert(items.length <= max, `A write of ${items.length} ${what} exceeds batchMax of ${max}`);
}

/** A limit is a whole number from 1 to `max`. */
export function assertLimit(limit: number, max: number, what: string): void {
  assert(
    Number.isSafeInteger(limit) && limit >= 1 && limit <= max,
    `${what} were requested with the limit ${limit}, which is not 1 to ${max}`,
  );
}
