// Recommendations are the same on every store: neighbouring sessions, products near in meaning,
// related products, and what a visitor gets of them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPopularity } from '#core/analysis/product-counts.ts';
import { defaultRecommenderSettings } from '#core/analysis/recommender-settings.ts';
import { createRecommender, type RecommendationRequest } from '#core/analysis/recommender.ts';
import { relatedProducts } from '#core/analysis/related.ts';
import { unitOf } from '#core/analysis/taste.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type {
  EventRecord,
  EventType,
  NeighbourRequest,
  Product,
  TextRecord,
  VectorStore,
} from '#core/ports.ts';
import { dimensions, noon } from './store-records.ts';
import type { MakeStore, StoreHarness } from './vector-store.ts';

const minute = 60_000;
const shop = ['kettle', 'teapot', 'cup', 'spoon', 'lamp', 'shoe', 'sock', 'boot'] as const;
type Name = (typeof shop)[number];
/** Kitchen things point one way, clothes another; the lamp is new and near the kettle. */
const places: Readonly<Record<Name, readonly [axis: number, turn: number]>> = {
  kettle: [0, 0],
  teapot: [0, 8],
  cup: [0, 12],
  spoon: [0, 16],
  lamp: [0, 1],
  shoe: [1, 0],
  sock: [1, 4],
  boot: [1, 8],
};

const productOf = (name: Name): Product => ({
  id: `id of ${name}`,
  name,
  description: null,
  category: places[name][0] === 0 ? 'kitchen' : 'clothes',
  price: 10 + shop.indexOf(name),
});
const textIdOf = (name: Name): string => uuidV5(`text of ${name}`);

function textOf(name: Name): TextRecord {
  const numbers = Array.from({ length: dimensions }, () => 0);
  const [axis, turn] = places[name];
  numbers[axis] = 1;
  numbers[dimensions - 1] = turn * 0.03;
  const provenance = {
    runnerSession: 'session-1',
    runnerName: 'runner',
    device: 'cpu',
    dtype: 'q8',
    embeddedAt: noon,
    checkedAt: noon,
  };
  return {
    id: textIdOf(name),
    text: name,
    kind: 'product',
    product: productOf(name),
    embedding: { vector: unitOf(numbers)!, provenance },
  };
}

let eventCount = 0;
function eventOf(
  [sessionId, userId]: readonly [string, string],
  eventType: EventType,
  name: Name,
  minutesAgo: number,
): EventRecord {
  const eventId = `touch ${eventCount++}`;
  const timestamp = noon - minutesAgo * minute;
  const product = productOf(name);
  return {
    event: {
      eventId,
      id: uuidV5(eventId),
      eventType,
      timestamp,
      userId,
      sessionId,
      product,
      searchQuery: null,
      payload: JSON.stringify({
        event_id: eventId,
        timestamp: new Date(timestamp).toISOString(),
        user_id: userId,
        session_id: sessionId,
        event_type: eventType,
        product,
      }),
    },
    textId: textIdOf(name),
    ingestedAt: noon,
  };
}

/** Three sessions about the kitchen, two about clothes, and a removal that counts for nothing. */
const visits: readonly (readonly [string, EventType, readonly Name[]])[] = [
  ['one', 'view', ['kettle', 'teapot', 'cup']],
  ['two', 'purchase', ['kettle', 'teapot']],
  ['three', 'view', ['cup', 'kettle', 'spoon']],
  ['four', 'view', ['shoe', 'sock']],
  ['five', 'view', ['sock', 'shoe', 'boot']],
  ['six', 'purchase', ['kettle', 'teapot', 'cup']],
  ['seven', 'remove_from_cart', ['kettle', 'boot']],
  ['own', 'view', ['kettle']],
];

const request = (names: readonly Name[], more: Partial<NeighbourRequest> = {}) => ({
  touched: names.map((name) => ({ productId: productOf(name).id, weight: 1 })),
  filter: {},
  touchTypes: ['view', 'purchase'] as const,
  onlyLater: false,
  exceptSessionIds: ['own'],
  limit: 100,
  touchesPerProduct: 100,
  sessionsMax: 100,
  touchesPerSession: 50,
  fadingShare: 0,
  halfLifeMs: 1,
  ...more,
});

export async function fillShop(store: VectorStore): Promise<void> {
  await store.putTexts(shop.map(textOf));
  await store.putEvents([
    ...visits.flatMap(([session, type, names], age) =>
      names.map((item, index) =>
        eventOf([session, `user of ${session}`], type, item, 1_000 - age * 100 - index),
      ),
    ),
    eventOf(['new', 'user of new'], 'view', 'lamp', 1),
  ]);
}

export function recommendationsConformance(name: string, makeStore: MakeStore): void {
  describe(`recommendations: ${name}`, () => {
    let harness: StoreHarness;
    let store: VectorStore;
    beforeAll(async () => {
      harness = await makeStore({ dimensions, clock: new ManualClock(noon) });
      ({ store } = harness);
      await fillShop(store);
    });
    afterAll(() => harness[Symbol.asyncDispose]());

    const namesOf = async (
      names: readonly Name[],
      more?: Partial<NeighbourRequest>,
    ): Promise<readonly (readonly [string, number])[]> =>
      (await store.sessionNeighbours(request(names, more))).items.map(
        ({ product, sessions }) => [product.name, sessions] as const,
      );

    it('the sessions of a product lead to their products, with how many touched each', async () => {
      const { items, sessions, touches } = await store.sessionNeighbours(request(['kettle']));
      expect([sessions, touches]).toEqual([4, 11]);
      expect(items.map(({ product, sessions: count }) => [product.name, count])).toEqual([
        ['kettle', 4],
        ['teapot', 3],
        ['cup', 3],
        ['spoon', 1],
      ]);
      expect(items[1]).toMatchObject({
        productId: 'id of teapot',
        product: productOf('teapot'),
        textId: textIdOf('teapot'),
        ledBy: 'id of kettle',
      });
      expect(items[1]!.score).toBeCloseTo(2 / Math.sqrt(3) + 1 / Math.sqrt(2));
      expect(await namesOf(['lamp'], { exceptSessionIds: ['new'] })).toEqual([]);
      expect(
        await store.sessionNeighbours({ ...request([]), touched: [{ productId: 'x', weight: 1 }] }),
      ).toEqual({ items: [], sessions: 0, touches: 0 });
    });

    it('newer sessions count more, and bounds keep the newest', async () => {
      const aged = { fadingShare: 1, halfLifeMs: 100 * minute };
      expect(
        (await namesOf(['kettle'], { ...aged, sessionsMax: 1 })).map(([item]) => item),
      ).toEqual(['cup', 'kettle', 'teapot']);
      expect((await namesOf(['kettle'], { touchesPerProduct: 2 })).map(([item]) => item)).toEqual([
        'cup',
        'kettle',
        'teapot',
      ]);
      expect(await namesOf(['kettle'], { sessionsMax: 1, touchesPerSession: 1 })).toEqual([
        ['cup', 1],
      ]);
      expect(await namesOf(['kettle'], { limit: 1 })).toHaveLength(1);
    });

    it('a filter, the types and the order of touches narrow the results', async () => {
      expect(await namesOf(['kettle'], { touchTypes: ['purchase'] })).toEqual([
        ['kettle', 2],
        ['teapot', 2],
        ['cup', 1],
      ]);
      expect(await namesOf(['kettle'], { filter: { priceMin: 12 } })).toEqual([
        ['cup', 3],
        ['spoon', 1],
      ]);
      expect(await namesOf(['kettle'], { filter: { categories: ['clothes'] } })).toEqual([]);
      expect(await namesOf(['kettle'], { onlyLater: true })).toEqual([
        ['teapot', 3],
        ['cup', 2],
        ['spoon', 1],
      ]);
    });

    it('finds the products near texts, without these, that have a matching event', async () => {
      const near = await store.similarProducts({
        textIds: [textIdOf('kettle'), uuidV5('not stored')],
        filter: {},
        limit: 3,
      });
      expect(near.map(({ product }) => product.name)).toEqual(['lamp', 'teapot', 'cup']);
      expect(near[0]).toMatchObject({ product: productOf('lamp'), textId: textIdOf('lamp') });
      expect(near[0]!.score).toBeGreaterThan(0.99);
      const clothes = { categories: ['clothes'] };
      expect(
        (
          await store.similarProducts({ textIds: [textIdOf('kettle')], filter: clothes, limit: 2 })
        ).map(({ product }) => product.category),
      ).toEqual(['clothes', 'clothes']);
      expect(
        await store.similarProducts({ textIds: [uuidV5('not stored')], filter: {}, limit: 2 }),
      ).toEqual([]);
    });

    it('knows the newest event of products, and counts events by product', async () => {
      const newest = await store.newestOfProducts(['id of kettle', 'id of lamp', 'x']);
      expect([...newest.keys()].toSorted()).toEqual(['id of kettle', 'id of lamp']);
      expect(newest.get('id of kettle')).toMatchObject({ textId: textIdOf('kettle') });
      expect(newest.get('id of kettle')!.timestamp).toBe(noon - 300 * minute);
      expect(
        await store.countsBy({ by: 'productId', filter: { eventTypes: ['view'] }, limit: 2 }),
      ).toEqual([
        { value: 'id of kettle', count: 3 },
        { value: 'id of cup', count: 2 },
      ]);
    });

    const related = (kind: Parameters<typeof relatedProducts>[2]['kind'], product: Name) =>
      relatedProducts(store, createPopularity(store, new ManualClock(noon)), {
        productId: productOf(product).id,
        kind,
        limit: 10,
      });

    it('related products are connected by more than chance', async () => {
      const { items, sessions } = await related('viewed_together', 'shoe');
      expect(sessions).toBe(2);
      expect(items.map(({ product, count }) => [product.name, count])).toEqual([['sock', 2]]);
      expect(items[0]!.lift).toBeGreaterThan(1);
      expect(items[0]!.score).toBeGreaterThan(0);
      expect((await related('next', 'kettle')).items.map(({ product }) => product.name)).toContain(
        'teapot',
      );
      expect(await related('bought_together', 'lamp')).toEqual({ items: [], sessions: 0 });
    });

    const ask = async (more: Partial<RecommendationRequest>) =>
      createRecommender(
        store,
        createPopularity(store, new ManualClock(noon)),
        () => defaultRecommenderSettings,
      )({
        visitor: { productIds: ['id of kettle'] },
        limit: 3,
        filter: {},
        exceptProductIds: [],
        diversity: 0,
        interestHalfLifeMs: 100 * minute,
        sessionsMin: 1,
        ...more,
      });

    it('a basket gets what its sessions went on to, never itself, and says why', async () => {
      const { items, reason } = await ask({});
      expect(reason).toBeNull();
      expect(items.map(({ product }) => product.name).toSorted()).toEqual([
        'cup',
        'spoon',
        'teapot',
      ]);
      expect(items[0]).toMatchObject({
        sources: ['sessions', 'meaning'],
        isSeen: false,
        because: { sessions: { count: 3, ledBy: { id: 'id of kettle', name: 'kettle' } } },
      });
      const { items: others } = await ask({ exceptProductIds: ['id of cup'], limit: 20 });
      expect(others.map(({ product }) => product.id)).not.toContain('id of cup');
      expect(others.map(({ product }) => product.name)).toContain('lamp');
    });

    it('keeps places for a product that has few events', async () => {
      const settings = { ...defaultRecommenderSettings, newShare: 0.34, newEventsMax: 2 };
      const recommend = createRecommender(
        store,
        createPopularity(store, new ManualClock(noon)),
        () => settings,
      );
      const { items } = await recommend({
        visitor: { productIds: ['id of kettle'] },
        limit: 3,
        filter: {},
        exceptProductIds: [],
        diversity: 0,
        interestHalfLifeMs: 1,
        sessionsMin: 1,
      });
      expect(items.at(-1)).toMatchObject({ product: { name: 'lamp' }, sources: ['meaning'] });
    });

    it('a product is new when it has few events, and one lately', async () => {
      const types = ['view', 'purchase'] as const;
      const newIn = async (ageMs: number, eventsMax: number) =>
        new Set(
          await createPopularity(store, new ManualClock(noon)).newTexts({
            types,
            eventsMax,
            ageMs,
          }),
        );
      expect(await newIn(10 * minute, 2)).toEqual(new Set([textIdOf('lamp')]));
      const rare = (['spoon', 'boot', 'lamp'] as const).map(textIdOf);
      expect(await newIn(2_000 * minute, 2)).toEqual(new Set(rare));
      expect(await newIn(2_000 * minute, 1)).toEqual(new Set());
    });

    it('an unknown visitor gets popular products, and the reason', async () => {
      for (const visitor of [
        { userId: 'nobody' },
        { sessionId: 'nothing' },
        { productIds: ['never heard of'] },
      ]) {
        const { items, reason } = await ask({ visitor });
        expect(reason).toBe('no_events');
        expect(items.map(({ product, sources }) => [product.name, sources])).toContainEqual([
          'kettle',
          ['popular'],
        ]);
      }
      const { items, reason } = await ask({ visitor: { sessionId: 'seven' } });
      expect([reason, items.length]).toEqual(['no_interest', 3]);
    });

    it('a user gets nothing that was bought; what was seen comes last', async () => {
      const { items } = await ask({ visitor: { userId: 'user of six' }, limit: 20 });
      const found = items.map(({ product }) => product.name);
      for (const bought of ['kettle', 'teapot', 'cup']) expect(found).not.toContain(bought);
      const seen = (await ask({ visitor: { userId: 'user of one' }, limit: 20 })).items.map(
        ({ isSeen }) => Number(isSeen),
      );
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(seen.filter(Boolean)).toHaveLength(3);
    });

    it('diversity puts unlike products next to each other', async () => {
      const visitor = { productIds: ['id of kettle', 'id of shoe'] };
      const { items } = await ask({ visitor, diversity: 0.9, limit: 4 });
      const categories = items.map(({ product }) => product.category);
      expect(new Set(categories.slice(0, 2)).size).toBe(2);
    });
  });
}
