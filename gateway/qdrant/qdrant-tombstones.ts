// Keeps tombstones in Qdrant, with the key of their marks.

import { randomBytes } from 'node:crypto';
import { partsOf } from '#core/collections/parts-of.ts';
import type { ErasureStore } from '#core/ports.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { hasId, isBefore, isSince, isValue } from './qdrant-filter.ts';
import { payloadsOf, putPoints } from './qdrant-payloads.ts';
import { stringAt, timeAt, timeOf } from './qdrant-points.ts';

const pageMax = 1_000;
/** A fixed UUID. */
const keyPoint = '7a6b4c1e-0d5f-5b0a-9c3e-6f1d2e8a4b90';

export function createQdrantTombstones(
  qdrant: Qdrant,
  collection: string,
): Pick<ErasureStore, 'key' | 'addTombstones' | 'tombstonesSince'> {
  return {
    async key(first = randomBytes(32)) {
      const secret = Buffer.from(first).toString('base64');
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
    async tombstonesSince(since) {
      const must = [isValue('type', 'tombstone'), isSince('at', since)];
      const points = await payloadsOf(qdrant, collection, 'read tombstones', must);
      return points.map((payload) => ({
        mark: stringAt(payload, 'mark'),
        at: timeAt(payload, 'at'),
      }));
    },
  };
}

/** The first half of a mark, as the UUID that Qdrant wants. */
const pointOf = (mark: string): string =>
  mark.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
