// The queue agrees with an array, across its compactions.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fifo } from '#core/collections/fifo.ts';

it('gives back what went in, in that order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1500, max: 1500 }), { maxLength: 12 }), (bursts) => {
      const queue = new Fifo<number>();
      const model: number[] = [];
      let last = 0;
      for (const burst of bursts) {
        for (let i = 0; i < burst; i++) {
          queue.push(last);
          model.push(last++);
        }
        for (let i = 0; i < -burst; i++) {
          expect(queue.peek()).toBe(model[0]);
          expect(queue.take()).toBe(model.shift());
        }
        expect(queue.size).toBe(model.length);
      }
    }),
    { numRuns: 50 },
  );
});
