// Keeps in Qdrant, in a collection of their own, which runners may not join.

import type { RunnerBlockStore } from '#core/ports.ts';
import { blockId } from '#core/trust/runner-blocks.ts';
import { applied } from './applied-write.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { hasId, isBefore, isSince } from './qdrant-filter.ts';
import { payloadsOf, putPoints } from './qdrant-payloads.ts';
import { stringAt, timeAt, timeOf } from './qdrant-points.ts';

export const createQdrantRunnerBlocks = (qdrant: Qdrant, collection: string): RunnerBlockStore => ({
  async put(blocks) {
    if (blocks.length === 0) return;
    const points = blocks.map((block) => ({
      id: blockId(block),
      vector: {},
      payload: {
        kind: block.kind,
        by: block.subject.by,
        subject: block.subject.id,
        reason: block.reason,
        at: timeOf(block.at),
        until: timeOf(block.until),
        times: block.times,
      },
    }));
    await putPoints(qdrant, collection, 'write blocks of runners', points, {
      should: blocks.map((block) => ({
        must: [hasId([blockId(block)]), isBefore('at', block.at)],
      })),
    });
  },
  async since(at) {
    const must = [isSince('at', at)];
    const payloads = await payloadsOf(qdrant, collection, 'read blocks of runners', must);
    return payloads.map((payload) => ({
      kind: stringAt(payload, 'kind') === 'revocation' ? 'revocation' : 'quarantine',
      subject: {
        by: stringAt(payload, 'by') === 'token' ? 'token' : 'address',
        id: stringAt(payload, 'subject'),
      },
      reason: stringAt(payload, 'reason'),
      at: timeAt(payload, 'at'),
      until: timeAt(payload, 'until'),
      times: Number(payload['times']),
    }));
  },
  async remove(blocks) {
    if (blocks.length === 0) return;
    await qdrant.write('delete blocks of runners', (client) =>
      applied(
        client.delete(collection, {
          filter: { must: [hasId(blocks.map(blockId))] },
          wait: true,
        }),
      ),
    );
  },
});
