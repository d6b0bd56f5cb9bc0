// Writes and reads points that have a payload and no vector.

import type { Schemas } from '@qdrant/js-client-rest';
import { applied } from './applied-write.ts';
import type { Qdrant } from './qdrant-connection.ts';
import type { Condition } from './qdrant-filter.ts';

const pageMax = 1_000;

/** `filter`: the existing points that may be overwritten. */
export const putPoints = (
  qdrant: Qdrant,
  collection: string,
  what: string,
  points: Schemas['PointStruct'][],
  filter?: Schemas['Filter'],
): Promise<void> =>
  qdrant.write(what, (client) =>
    applied(
      client.upsert(collection, {
        points,
        ...(filter !== undefined && { update_filter: filter }),
        wait: true,
      }),
    ),
  );

/** The payloads of all points that match, read page by page. */
export const payloadsOf = (
  qdrant: Qdrant,
  collection: string,
  what: string,
  must: Condition[],
): Promise<readonly Schemas['Payload'][]> =>
  qdrant.read(what, async (client) => {
    const found: Schemas['Payload'][] = [];
    let offset: Schemas['ScrollResult']['next_page_offset'] = null;
    do {
      const page: Schemas['ScrollResult'] = await client.scroll(collection, {
        filter: { must },
        limit: pageMax,
        with_payload: true,
        offset,
      });
      for (const { payload } of page.points) if (payload) found.push(payload);
      offset = page.next_page_offset ?? null;
    } while (offset !== null);
    return found;
  });
