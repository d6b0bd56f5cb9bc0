// Every item is in exactly one cluster, close enough to its leader.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clustersOf } from '#core/analysis/clusters.ts';
import { unitOf } from '#core/analysis/taste.ts';
import { cosine } from '#core/vectors/vector.ts';

const item = fc
  .array(fc.integer({ min: -5, max: 5 }), { minLength: 3, maxLength: 3 })
  .map((numbers) => unitOf(numbers))
  .filter((vector) => vector !== null)
  .map((vector) => ({ vector }));

it('each item is in one cluster, close to its leader; leaders are far apart', () => {
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 30 }),
      fc.constantFrom(0.5, 0.8, 0.99),
      (items, similarityMin) => {
        const clusters = clustersOf(items, similarityMin);
        expect(new Set(clusters.flatMap(({ members }) => members))).toEqual(new Set(items));
        expect(clusters.reduce((sum, { members }) => sum + members.length, 0)).toBe(items.length);
        for (const { leader, members } of clusters) {
          expect(members[0]).toBe(leader);
          for (const member of members)
            expect(cosine(leader.vector, member.vector)).toBeGreaterThanOrEqual(
              member === leader ? 0.99 : similarityMin,
            );
          for (const other of clusters.filter((cluster) => cluster.leader !== leader))
            expect(cosine(leader.vector, other.leader.vector)).toBeLessThan(similarityMin);
        }
      },
    ),
  );
});
