// Recommendations take three round trips to Qdrant.

import { expect, test } from 'vitest';
import { createPopularity } from '#core/analysis/product-counts.ts';
import { defaultRecommenderSettings } from '#core/analysis/recommender-settings.ts';
import { createRecommender } from '#core/analysis/recommender.ts';
import type { VisitorRef } from '#core/analysis/visitor.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { fillShop } from '../conformance/recommendations.ts';
import { dimensions, noon } from '../conformance/store-records.ts';
import { startQdrantDouble } from '../helpers/qdrant-double.ts';
import { inRoundTrips } from '../helpers/qdrant/round-trips.ts';
import { qdrantStoreMaker } from '../helpers/qdrant/store-maker.ts';

const visitors: readonly (readonly [string, VisitorRef, readonly number[]])[] = [
  ['a basket', { productIds: ['id of kettle', 'id of cup'] }, [1, 5, 3]],
  ['a session', { sessionId: 'one' }, [1, 5, 3]],
  ['a user', { userId: 'user of one' }, [2, 5, 3]],
];

test.each(visitors)('%s takes three round trips', async (_, visitor, trips) => {
  await using double = await startQdrantDouble();
  const clock = new ManualClock(noon);
  await using harness = await qdrantStoreMaker(() => double.url, 'auto')({ dimensions, clock });
  await fillShop(harness.store);
  const recommend = createRecommender(
    harness.store,
    createPopularity(harness.store, clock),
    () => defaultRecommenderSettings,
  );
  const request = {
    visitor,
    limit: 2,
    filter: {},
    exceptProductIds: [],
    diversity: 0,
    interestHalfLifeMs: 1_000_000,
    sessionsMin: 1,
  };
  await recommend(request); // Counts the events of products, which is done once a minute.
  const { items } = await inRoundTrips(double, trips, () => recommend(request));
  expect(items).toHaveLength(2);
});
