// Reads what a Qdrant server stores, and which requests wrote it, without the code under test.

import type { SeenRequest } from './qdrant-double.ts';

export const textsCollection = 'ecommerce_embeddings';
export const eventsCollection = 'ecommerce_events';

type Point = { readonly id: string; readonly payload: Readonly<Record<string, unknown>> };
type Body = {
  readonly ids?: readonly string[];
  readonly points?: readonly { readonly id: string }[];
};

const post = async (url: string, body: unknown): Promise<unknown> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { result } = Object(await response.json());
  return result;
};

export async function countPoints(url: string, collection: string): Promise<number> {
  const { count } = Object(
    await post(`${url}/collections/${collection}/points/count`, { exact: true }),
  );
  return Number(count);
}

export async function allPoints(url: string, collection: string): Promise<readonly Point[]> {
  const { points } = Object(
    await post(`${url}/collections/${collection}/points/scroll`, {
      limit: 1_000_000,
      with_payload: true,
      with_vector: false,
    }),
  );
  return points;
}

export const isWriteOf =
  (collection: string) =>
  ({ method, path }: SeenRequest): boolean =>
    method === 'PUT' && path.startsWith(`/collections/${collection}/points`);

/**
 * - `total`: how often texts were written.
 * - `again`: texts that were written more than once.
 * - `needless`: those of `again` that the store already had when the gateway looked them up. Every
 *   first write must follow a look-up.
 */
export function textWrites(requests: readonly SeenRequest[]): {
  readonly total: number;
  readonly again: readonly string[];
  readonly needless: readonly string[];
} {
  const askedBefore = new Map<string, number>();
  const written = new Map<string, number>();
  for (const request of requests) {
    const isLookUp =
      request.method === 'POST' &&
      request.path.startsWith(`/collections/${textsCollection}/points`) &&
      !/points\/\w/.test(request.path);
    if (!isLookUp && !isWriteOf(textsCollection)(request)) continue;
    const { ids = [], points = [] }: Body = JSON.parse(request.body);
    for (const id of ids) if (!written.has(id)) askedBefore.set(id, (askedBefore.get(id) ?? 0) + 1);
    for (const { id } of points) written.set(id, (written.get(id) ?? 0) + 1);
  }
  const again = [...written].filter(([, times]) => times > 1);
  const total = written.values().reduce((sum, times) => sum + times, 0);
  return {
    total,
    again: again.map(([id]) => id),
    needless: again.filter(([id, times]) => times > (askedBefore.get(id) ?? 0)).map(([id]) => id),
  };
}
