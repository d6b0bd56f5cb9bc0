// Batches hold the items in order and within their bounds, and each goes when it is full or old.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batcher } from '#core/pipeline/batcher.ts';

type Item = { readonly id: number; readonly weight: number };

const batcherOf = (options: {
  countMax: number;
  weightMax: number;
  ageMsMax: number;
}): Batcher<Item> => new Batcher({ ...options, weightOf: ({ weight }) => weight });

const options = fc.record({
  countMax: fc.integer({ min: 1, max: 6 }),
  weightMax: fc.integer({ min: 0, max: 30 }),
  ageMsMax: fc.nat(20),
});
/** Time passes, then an item is added or batches are taken. */
const steps = fc.array(fc.record({ wait: fc.nat(8), weight: fc.option(fc.nat(40)) }), {
  maxLength: 60,
});
const sumOf = (items: readonly { weight: number }[]): number =>
  items.reduce((sum, { weight }) => sum + weight, 0);

describe('batcher', () => {
  it('keeps the order, loses nothing, respects its bounds and lets no item wait too long', () => {
    fc.assert(
      fc.property(options, steps, (bounds, script) => {
        const batcher = batcherOf(bounds);
        const added: (Item & { at: number })[] = [];
        const taken: Item[] = [];
        const batches: Item[][] = [];
        let now = 0;
        const isDue = (waiting: readonly { weight: number; at: number }[]): boolean =>
          waiting.length >= bounds.countMax ||
          sumOf(waiting) >= bounds.weightMax ||
          now >= waiting[0]!.at + bounds.ageMsMax;
        const takeAll = (): void => {
          for (let batch = batcher.take(now); batch !== null; batch = batcher.take(now)) {
            expect(isDue(added.slice(taken.length)), 'no batch goes early').toBe(true);
            batches.push(batch);
            taken.push(...batch);
          }
        };
        for (const { wait, weight } of script) {
          now += wait;
          if (weight !== null) {
            added.push({ id: added.length, weight, at: now });
            batcher.add(added.at(-1)!, now);
            continue;
          }
          takeAll();
          const left = added.slice(taken.length);
          expect(left.length > 0 && isDue(left), 'no item waits longer').toBe(false);
          expect(batcher.nextDueAt()).toBe(
            left.length === 0 ? null : left[0]!.at + bounds.ageMsMax,
          );
        }
        now += bounds.ageMsMax;
        takeAll();
        expect(taken.map(({ id }) => id)).toEqual(added.map(({ id }) => id));
        expect(batches.every((batch) => batch.length >= 1 && batch.length <= bounds.countMax)).toBe(
          true,
        );
        expect(
          batches.every((batch) => batch.length === 1 || sumOf(batch) <= bounds.weightMax),
        ).toBe(true);
        expect(batcher.nextDueAt()).toBeNull();
      }),
    );
  });

  it('a full batch is due at once, any other when its oldest item is old enough', () => {
    const batcher = batcherOf({ countMax: 2, weightMax: 100, ageMsMax: 10 });
    expect(batcher.take(0)).toBeNull();
    const [a, b, c] = [0, 1, 2].map((id) => ({ id, weight: 1 }));
    batcher.add(a!, 0);
    expect([batcher.nextDueAt(), batcher.take(9)]).toEqual([10, null]);
    batcher.add(b!, 9);
    batcher.add(c!, 9);
    expect(batcher.take(9)).toEqual([a, b]);
    expect([batcher.nextDueAt(), batcher.take(18)]).toEqual([19, null]);
    expect(batcher.take(19)).toEqual([c]);
  });

  it('an item heavier than a batch goes alone', () => {
    const batcher = batcherOf({ countMax: 10, weightMax: 5, ageMsMax: 10 });
    for (const [id, weight] of [2, 9, 2, 3].entries()) batcher.add({ id, weight }, 0);
    expect([1, 2, 3].map(() => batcher.take(0)?.map(({ id }) => id))).toEqual([[0], [1], [2, 3]]);
  });
});
