// Holds the bounded map to its bound: the oldest entries go first.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedMap } from '#core/collections/bounded-map.ts';

test('the entries that were set last are kept, in the order of their last set', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9)), fc.integer({ min: 0, max: 6 }), (keys, sizeMax) => {
      const dropped: number[] = [];
      const map = new BoundedMap<number, number>(
        () => sizeMax,
        (key) => dropped.push(key),
      );
      keys.forEach((key, at) => map.set(key, at));
      const newestFirst = [...new Set(keys.toReversed())];
      // A key that was dropped and set again is one of the newest: only the last sets count.
      expect([...map.keys()]).toEqual(newestFirst.slice(0, sizeMax).toReversed());
      expect(dropped.length + map.size).toBeGreaterThanOrEqual(newestFirst.length);
    }),
  );
});
