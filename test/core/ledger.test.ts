// A ledger's head is the first unsettled offset, whatever the order of settles and whatever gaps
// the log has.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from '#core/pipeline/ledger.ts';

/** Ascending offsets with gaps, and a permutation of their indices. */
const deliveriesAndOrder = fc
  .record({
    from: fc.nat(1000),
    gaps: fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 5 })), {
      minLength: 1,
      maxLength: 60,
    }),
  })
  .map(({ from, gaps }) => ({
    from,
    offsets: gaps.map((_, i) => from - 1 + gaps.slice(0, i + 1).reduce((a, b) => a + b, 0)),
  }))
  .chain(({ from, offsets }) =>
    fc.record({
      from: fc.constant(from),
      offsets: fc.constant(offsets),
      order: fc.shuffledSubarray(offsets, { minLength: offsets.length }),
    }),
  );

describe('ledger', () => {
  it('the head never passes an unsettled event, in any order of settles', () => {
    fc.assert(
      fc.property(deliveriesAndOrder, ({ from, offsets, order }) => {
        const ledger = new Ledger(from, offsets.length);
        for (const offset of offsets) ledger.deliver(offset);
        const unsettled = new Set(offsets);
        expect(ledger.head()).toBe(Math.min(...unsettled));
        for (const offset of order) {
          expect(ledger.settle(offset)).toBe(true);
          unsettled.delete(offset);
          expect(ledger.head()).toBe(
            unsettled.size > 0 ? Math.min(...unsettled) : offsets.at(-1)! + 1,
          );
          expect(ledger.unsettled()).toBe(unsettled.size);
        }
      }),
    );
  });

  it('room is the bound minus everything delivered from the head on', () => {
    fc.assert(
      fc.property(
        deliveriesAndOrder,
        fc.integer({ min: 1, max: 20 }),
        ({ from, offsets, order }, spanMax) => {
          const ledger = new Ledger(from, spanMax);
          const waiting = [...offsets];
          const delivered: number[] = [];
          const deliverWhatFits = (): void => {
            while (ledger.room() > 0 && waiting.length > 0) {
              const offset = waiting.shift()!;
              ledger.deliver(offset);
              delivered.push(offset);
            }
          };
          deliverWhatFits();
          // An offset that is not yet delivered is settled in a later round.
          for (let left = order; left.length > 0;) {
            for (const offset of left.filter((each) => delivered.includes(each)))
              ledger.settle(offset);
            left = left.filter((each) => !delivered.includes(each));
            expect(ledger.room()).toBe(
              spanMax - delivered.filter((each) => each >= ledger.head()).length,
            );
            deliverWhatFits();
            expect(delivered.filter((each) => each >= ledger.head()).length).toBeLessThanOrEqual(
              spanMax,
            );
          }
          expect(ledger.head()).toBe(offsets.at(-1)! + 1);
        },
      ),
    );
  });

  it('settles after an unsettled head make no room', () => {
    const ledger = new Ledger(0, 3);
    for (const offset of [0, 1, 2]) ledger.deliver(offset);
    ledger.settle(1);
    ledger.settle(2);
    expect([ledger.unsettled(), ledger.room()]).toEqual([1, 0]);
    ledger.settle(0);
    expect(ledger.room()).toBe(3);
  });

  it('a second settle returns false and changes nothing', () => {
    const ledger = new Ledger(7, 10);
    for (const offset of [7, 8, 9]) ledger.deliver(offset);
    expect(ledger.settle(8)).toBe(true);
    expect(ledger.settle(8)).toBe(false);
    expect(ledger.head()).toBe(7);
    expect(ledger.settle(7)).toBe(true);
    expect(ledger.settle(7)).toBe(false);
    expect([ledger.head(), ledger.unsettled()]).toEqual([9, 1]);
  });

  it('the head passes a gap at the end once everything before it is settled', () => {
    const ledger = new Ledger(0, 10);
    ledger.deliver(0);
    ledger.skipTo(5);
    expect(ledger.head()).toBe(0);
    ledger.settle(0);
    expect(ledger.head()).toBe(5);
    ledger.skipTo(3);
    expect([ledger.head(), ledger.next()]).toEqual([5, 5]);
  });

  it('throws on an offset that goes back, exceeds the bound or is settled too early', () => {
    const ledger = new Ledger(3, 2);
    expect(() => ledger.deliver(2)).toThrow('Offset 2 was delivered after 2. This is a bug');
    expect(() => ledger.settle(3)).toThrow('settled before it was delivered');
    ledger.deliver(3);
    expect(() => ledger.deliver(3)).toThrow('Offset 3 was delivered after 3');
    ledger.deliver(4);
    expect(() => ledger.deliver(5)).toThrow("beyond the ledger's bound of 2");
  });

  it('settles 200,000 offsets in time proportional to their number', () => {
    // All settles come before that of the head. With a search or a shift per settle this would take
    // minutes.
    const count = 200_000;
    const ledger = new Ledger(0, count);
    for (let offset = 0; offset < count; offset++) ledger.deliver(offset);
    for (let offset = count - 1; offset >= 0; offset--) ledger.settle(offset);
    expect([ledger.head(), ledger.unsettled(), ledger.room()]).toEqual([count, 0, count]);
  });
});
