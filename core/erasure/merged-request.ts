// Joins what a store holds about the erasure of a person with what is written: the later request
// stays, and no session is lost that an earlier one found.

import type { ErasureRequest } from '#core/ports.ts';

/** See `ErasureStore.putRequest`. */
export function mergedRequest(
  before: ErasureRequest | null,
  written: ErasureRequest,
): ErasureRequest {
  const later = before !== null && before.at > written.at ? before : written;
  if (later.userId === null) return later;
  const sessionIds = new Set([...(before?.sessionIds ?? []), ...written.sessionIds]);
  return { ...later, sessionIds: [...sessionIds] };
}
