// Accepts a write only when Qdrant has applied it; that it was received is not enough.

import type { Schemas } from '@qdrant/js-client-rest';

export async function applied(write: Promise<Schemas['UpdateResult']>): Promise<void> {
  const { status } = await write;
  if (status !== 'completed') throw new TypeError(`a write is ${status}, not completed`);
}
