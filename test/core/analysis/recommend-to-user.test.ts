// What is recommended when there is little left to recommend, and what is never recommended,
// whatever a user did.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { recommendToUser } from '#core/analysis/recommend-to-user.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import {
  type EventRecord,
  type EventType,
  eventTypes,
  type TextRecord,
  type VectorStore,
} from '#core/ports.ts';
import { dimensions, noon, unit } from '../../conformance/store-records.ts';

const hour = 3_600_000;
const productCount = 6;

/** Two texts of each product, in different directions. */
const productOf = (n: number) => ({
  id: `p${n % productCount}`,
  name: `Product ${n}`,
  description: null,
  category: null,
  price: 1,
});
const text = (n: number): TextRecord => ({
  id: uuidV5(`text ${n}`),
  text: `Text ${n}`,
  kind: 'product',
  product: productOf(n),
  embedding: {
    vector: unit(n),
    provenance: {
      runnerSession: 's',
      runnerName: 'r',
      device: 'cpu',
      dtype: 'q8',
      embeddedAt: noon,
      checkedAt: noon,
    },
  },
});
const event = (index: number, userId: string, eventType: EventType, n: number): EventRecord => {
  const [eventId, timestamp, product] = [`event ${index}`, noon - index * hour, productOf(n)];
  const payload = JSON.stringify({
    event_id: eventId,
    timestamp: new Date(timestamp).toISOString(),
    user_id: userId,
    session_id: 's',
    event_type: eventType,
    product,
  });
  return {
    event: {
      eventId,
      id: uuidV5(eventId),
      eventType,
      timestamp,
      userId,
      sessionId: 's',
      product,
      searchQuery: null,
      payload,
    },
    textId: uuidV5(`text ${n}`),
    ingestedAt: noon,
  };
};

async function shop(acts: readonly (readonly [EventType, number])[]): Promise<VectorStore> {
  const store = createMemoryStore({ dimensions, now: () => noon });
  await store.putTexts(Array.from({ length: 2 * productCount }, (_, n) => text(n)));
  const others = Array.from({ length: 2 * productCount }, (_, n) =>
    event(1_000 + n, 'crowd', 'view', n),
  );
  await store.putEvents([
    ...others,
    ...acts.map(([type, n], index) => event(index, 'ann', type, n)),
  ]);
  return store;
}

const ask = async (acts: readonly (readonly [EventType, number])[], limit = 100) =>
  recommendToUser(await shop(acts), { userId: 'ann', limit, halfLifeMs: hour });
const all = Array.from({ length: productCount }, (_, n) => n);

it('all bought leaves nothing; all seen brings back what was not bought', async () => {
  expect(await ask(all.map((n) => ['purchase', n]))).toMatchObject({
    items: [],
    reason: 'nothing_left',
  });
  const { items, reason } = await ask([...all.map((n) => ['view', n] as const), ['purchase', 2]]);
  expect(reason).toBeNull();
  expect(items.map(({ isSeen }) => isSeen)).toEqual(Array(productCount - 1).fill(true));
  expect(items.map(({ hit }) => hit.product?.id)).not.toContain('p2');
});

it('nothing bought, no more than asked for, new ones first, each with real reasons', async () => {
  const act = fc.tuple(
    fc.constantFrom(...eventTypes.filter((type) => type !== 'search')),
    fc.nat(2 * productCount - 1),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 12 }),
      async (acts, limit) => {
        const { items, reason, eventsUsed } = await ask(acts, limit);
        expect(eventsUsed).toBe(acts.length);
        expect(items.length === 0).toBe(reason !== null);
        expect(items.length).toBeLessThanOrEqual(limit);
        const idsOf = (types: readonly string[]) =>
          new Set(acts.filter(([type]) => types.includes(type)).map(([, n]) => productOf(n).id));
        const [bought, met] = [idsOf(['purchase']), idsOf(eventTypes)];
        for (const { hit, isSeen, because } of items) {
          expect(bought.has(hit.product?.id ?? '')).toBe(false);
          expect(isSeen).toBe(met.has(hit.product?.id ?? ''));
          expect(because.length).toBeLessThanOrEqual(3);
          for (const { interest, similarity } of because) {
            expect(Number(interest.eventId.split(' ')[1])).toBeLessThan(acts.length);
            expect(interest.weight * similarity).toBeGreaterThan(0);
          }
        }
        const seenFlags = items.map(({ isSeen }) => Number(isSeen));
        expect(seenFlags).toEqual(seenFlags.toSorted((a, b) => a - b));
      },
    ),
    { numRuns: 150 },
  );
});
