// Keeps the search rules in Qdrant: one point among the products, which has no state, so that no
// search finds it.

import { uuidV5 } from '#core/event/uuid.ts';
import type { SearchRules, SearchRuleStore } from '#core/ports.ts';
import type { Qdrant } from './qdrant-connection.ts';
import { hasId, isBefore } from './qdrant-filter.ts';
import { putPoints } from './qdrant-payloads.ts';
import { stringAt, timeOf } from './qdrant-points.ts';

const id = uuidV5('search rules');

export const createQdrantSearchRules = (qdrant: Qdrant, products: string): SearchRuleStore => ({
  put(rules) {
    const payload = { updated_at: timeOf(rules.updatedAt), rules: JSON.stringify(rules) };
    return putPoints(qdrant, products, 'write search rules', [{ id, vector: {}, payload }], {
      must: [hasId([id]), isBefore('updated_at', rules.updatedAt)],
    });
  },
  get: () =>
    qdrant.read('read search rules', async (client) => {
      const [point] = await client.retrieve(products, { ids: [id], with_payload: true });
      return point === undefined ? null : rulesOf(stringAt(point.payload, 'rules'));
    }),
});

/** What `put` wrote. */
const rulesOf = (json: string): SearchRules => JSON.parse(json);
