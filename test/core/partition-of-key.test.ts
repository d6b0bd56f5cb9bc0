// Keys keep their partition for ever, because logs on disk depend on it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPartitioner, partitionOf } from '#core/event/partition-of-key.ts';

const utf8 = new TextEncoder();
const fnv1a = (key: Uint8Array): number => partitionOf(key, 2 ** 32);

describe('partition', () => {
  it('hashes like the published test vectors of FNV-1a', () => {
    expect(fnv1a(utf8.encode(''))).toBe(0x811c9dc5);
    expect(fnv1a(utf8.encode('a'))).toBe(0xe40c292c);
    expect(fnv1a(utf8.encode('foobar'))).toBe(0xbf9cf968);
  });

  it('a key has one partition, within the count', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 256 }), (key, count) => {
        const partition = partitionOf(key, count);
        expect(partition).toBe(partitionOf(key.slice(), count));
        expect(partition >= 0 && partition < count).toBe(true);
      }),
    );
  });

  it('spreads users evenly', () => {
    const counts = Array.from({ length: 8 }, () => 0);
    for (let user = 0; user < 8000; user++)
      counts[partitionOf(utf8.encode(`user_${user}`), 8)]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1150);
  });

  it('records without a key go to each partition in turn', () => {
    const partition = createPartitioner(3);
    expect([
      partition(null),
      partition(null),
      partition(utf8.encode('a')),
      partition(null),
      partition(null),
    ]).toEqual([0, 1, partitionOf(utf8.encode('a'), 3), 2, 0]);
  });
});
