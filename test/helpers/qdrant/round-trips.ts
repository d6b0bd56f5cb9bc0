// Counts the round trips of an answer: each set of requests is answered only once all of it has
// arrived, so a request that waited for another one of its set would never be answered.

import { expect } from 'vitest';
import type { QdrantDouble } from '../qdrant-double.ts';

/** @param sizes how many requests each round trip has */
export async function inRoundTrips<Answer>(
  double: QdrantDouble,
  sizes: readonly number[],
  answer: () => Promise<Answer>,
): Promise<Answer> {
  const asked = double.requests.length;
  for (const size of sizes) {
    let arrived = 0;
    const all = Promise.withResolvers<void>();
    const work = (): Promise<void> => {
      arrived += 1;
      if (arrived === size) all.resolve();
      return all.promise;
    };
    double.fail({ kind: 'after', work }, () => true, size);
  }
  const answered = await answer();
  expect(double.requests.length - asked).toBe(sizes.reduce((sum, size) => sum + size));
  return answered;
}
