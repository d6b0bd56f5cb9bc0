// Keeps tombstones in Qdrant, with the key of their marks.

import { randomBytes } from 'node:crypto';
import type { Schemas } from '@qdrant/js-client-rest';
import { partsOf } from '#core/collections/parts-of.ts';
import type { ErasureStore } from '#core/ports.ts';
import { applied } from './applied-write.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { hasId, isBefore, isSince, isValue } from './qdrant-filter.ts';
import { stringAt, timeAt, timeOf } from './qdrant-points.ts';

const pageMax = 1_000;
/** A fixed UUID. */
const keyPoint = '7a6b4c1e-0d5f-5b0a-9c3e-6f1d2e8a4b90';

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

export function createQdrantTombstones(
  qdrant: Qdrant,
  collection: string,
): Pick<ErasureStore, 'key' | 'addTombstones' | 'tombstonesSince'> {
  return {
    async key() {
      const secret = randomBytes(32).toString('base64');
      // The first one stays: the condition is never met.
      await putPoints(
        qdrant,
        collection,
        'write the key of tombstones',
        [{ id: keyPoint, vector: {}, payload: { type: 'key', key: secret } }],
        { must: [isValue('type', 'never')] },
      );
      return qdrant.read('read the key of tombstones', async (client) => {
        const [point] = await client.retrieve(collection, { ids: [keyPoint], with_payload: true });
        return Buffer.from(stringAt(point?.payload, 'key'), 'base64');
      });
    },
    async addTombstones(tombstones) {
      for (const part of partsOf(tombstones, pageMax)) {
        await putPoints(
          qdrant,
          collection,
          'write tombstones',
          part.map(({ mark, at }) => ({
            id: pointOf(mark),
            vector: {},
            payload: { type: 'tombstone', mark, at: timeOf(at) },
          })),
          {
            should: part.map(({ mark, at }) => ({
              must: [hasId([pointOf(mark)]), isBefore('at', at)],
            })),
          },
        );
      }
    },
    tombstonesSince: (since) =>
      qdrant.read('read tombstones', async (client) => {
        const found: { mark: string; at: number }[] = [];
        let offset: Schemas['ScrollResult']['next_page_offset'] = null;
        do {
          const page: Schemas['ScrollResult'] = await client.scroll(collection, {
            filter: { must: [isValue('type', 'tombstone'), isSince('at', since)] },
            limit: pageMax,
            with_payload: ['mark', 'at'],
            offset,
          });
          for (const { payload } of page.points)
            found.push({ mark: stringAt(payload, 'mark'), at: timeAt(payload, 'at') });
          offset = page.next_page_offset ?? null;
        } while (offset !== null);
        return found;
      }),
  };
}

/** The first half of a mark, as the UUID that Qdrant wants. */
const pointOf = (mark: string): string =>
  mark.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
