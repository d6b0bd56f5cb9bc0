// A search takes two round trips to Qdrant, whatever it is asked for, once its filter, its brands
// and the rules are known. What is known is read again each time.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { CatalogueWrite, VectorStore } from '#core/ports.ts';
import { fillShop } from '../conformance/recommendations.ts';
import { dimensions, noon, queryVector } from '../conformance/store-records.ts';
import { answeringFleet, testApp, type TestApp } from '../gateway/test-services.ts';
import { type QdrantDouble, startQdrantDouble } from '../helpers/qdrant-double.ts';
import { inRoundTrips } from '../helpers/qdrant/round-trips.ts';
import { qdrantStoreMaker } from '../helpers/qdrant/store-maker.ts';

const embedding = {
  ...answeringFleet,
  embed: async (...asked: Parameters<typeof answeringFleet.embed>) => {
    const answer = await answeringFleet.embed(...asked);
    return answer.ok
      ? { ...answer, embedding: { ...answer.embedding, vector: queryVector } }
      : answer;
  },
};

const listed = (name: string, updatedAt = noon, brand = 'Aga'): CatalogueWrite => ({
  id: `id of ${name}`,
  updatedAt,
  textId: uuidV5(`text of ${name}`),
  product: {
    id: `id of ${name}`,
    name,
    description: null,
    category: 'kitchen',
    price: 10,
    brand,
    image: null,
    url: null,
    stock: 3,
    attributes: {},
  },
});
const rulesAt = (updatedAt: number, hide: readonly string[]) => ({
  updatedAt,
  synonyms: [],
  queries: [
    {
      query: 'kettle',
      pin: ['id of lamp', 'id of teapot'],
      hide,
      boost: [{ productId: 'id of spoon', factor: 2 }],
    },
  ],
});

let double: QdrantDouble;
let harness: Awaited<ReturnType<ReturnType<typeof qdrantStoreMaker>>>;
let store: VectorStore;
let app: TestApp;
const clock = new ManualClock(noon);
beforeAll(async () => {
  double = await startQdrantDouble();
  harness = await qdrantStoreMaker(() => double.url, 'auto')({ dimensions, clock });
  ({ store } = harness);
  await fillShop(store);
  await store.catalogue.put([listed('kettle'), listed('teapot')]);
  await store.searchRules.put(rulesAt(noon, ['id of cup']));
  app = testApp({ store, embedding, clock });
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await double[Symbol.asyncDispose]();
});

async function search(body: object): Promise<readonly string[]> {
  const answer = await app.post('/search', body);
  expect(answer.status).toBe(200);
  const { hits } = await answer.json();
  return hits.map(({ product }: { product: { name: string } }) => product.name);
}

/** The first round trip always reads the rules again, which are older than two seconds. */
const searches: readonly (readonly [string, object, readonly number[], readonly string[]])[] = [
  ['a hybrid search', { query: 'spoon' }, [5, 13], ['spoon']],
  ['one by words alone', { query: 'spoon', mode: 'words' }, [4, 13], ['spoon']],
  ['one by id', { query: 'id of boot', mode: 'words' }, [4, 16], ['boot']],
  [
    'one with pins, boosts and hidden products, and with facets',
    { query: 'kettle', facets: ['category', 'brand', 'price'] },
    [7, 19],
    ['lamp', 'teapot', 'kettle'],
  ],
  ['one by brand', { query: 'kettle', filter: { brand: 'Aga' } }, [8, 19], ['teapot', 'kettle']],
  [
    'one by brand and category',
    { query: 'teapot', filter: { brand: 'Aga', category: 'kitchen' } },
    [6, 13],
    ['teapot'],
  ],
  ['one by category', { query: 'sock', filter: { category: 'clothes' } }, [7, 17], ['sock']],
  ['one by type of event', { query: 'sock', filter: { event_type: 'view' } }, [7, 7], ['sock']],
];
test.each(searches)('%s takes two round trips', async (_, body, trips, names) => {
  await search(body);
  await clock.advance(5_000);
  expect((await inRoundTrips(double, trips, () => search(body))).slice(0, names.length)).toEqual(
    names,
  );
});

test('one by meaning takes two round trips', async () => {
  const body = { query: 'spoon', mode: 'meaning', limit: 3 };
  await search(body);
  await clock.advance(5_000);
  expect(await inRoundTrips(double, [2, 11], () => search(body))).toHaveLength(3);
});

test('rules that have changed count at once, as soon as they are two seconds old', async () => {
  expect(await search({ query: 'kettle' })).toContain('teapot');
  await store.searchRules.put(rulesAt(noon + 1, ['id of teapot']));
  await clock.advance(2_000);
  expect(await search({ query: 'kettle' })).not.toContain('teapot');
});

test('brands and filters that have changed count at once', async () => {
  const ofBrand = { query: 'cup', filter: { brand: 'Rösle' } };
  const ofCategory = { query: 'pan', filter: { category: 'kitchen' } };
  expect(await search(ofBrand)).toEqual([]);
  expect(await search(ofCategory)).not.toContain('pan');
  await store.catalogue.put([listed('cup', noon, 'Rösle')]);
  const pan = listed('pan');
  const [stored] = (await store.texts([uuidV5('text of cup')])).values();
  const [vector] = (await store.vectors([uuidV5('text of cup')])).values();
  const provenance = {
    runnerSession: 's',
    runnerName: 'r',
    device: 'cpu',
    dtype: 'q8',
    embeddedAt: noon,
    checkedAt: noon,
  };
  await store.putTexts([
    {
      ...stored!,
      id: pan.textId!,
      text: 'pan',
      product: pan.product,
      embedding: { vector: vector!, provenance },
    },
  ]);
  await store.catalogue.put([pan]);
  expect(await search(ofBrand)).toEqual(['cup']);
  expect(await search(ofCategory)).toContain('pan');
});
