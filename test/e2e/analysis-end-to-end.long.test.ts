// Behaviour analysis on a generated shop with the real model: its results are what a person would
// expect of the visitors' behaviour.

import { expect, test } from 'vitest';
import { openCatalogue, products } from '../../cli/generator/catalogue.ts';
import { openEventStream, parseStream } from '../../cli/generator/event-stream.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const minute = 60_000;
const seed = 1;
const catalogueSize = 200;
const usualEvents = 1_000;
const usualMs = 8 * 60 * minute;

const many = (times: number, make: (n: number) => string): string[] =>
  Array.from({ length: times }, (_, n) => make(n));

test('jackets lead to jackets, a planted spike is the top trend, unmet searches show', async () => {
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path);
  const now = Date.now();
  const catalogue = products(openCatalogue(seed), catalogueSize);
  const jackets = catalogue.filter(
    ({ category, aisle }) => category === 'Jackets & Coats' && aisle.startsWith('en '),
  );
  const kettle = catalogue.find(
    ({ category, aisle }) => category === 'Kitchen' && aisle.startsWith('en '),
  );
  expect([jackets.length >= 7, kettle !== undefined]).toEqual([true, true]);

  let count = 0;
  const line = (
    userId: string,
    type: string,
    product: string | null,
    query: string | null,
    minutesAgo: number,
  ): string =>
    `{"event_id":"planted-${count++}","timestamp":"${new Date(now - minutesAgo * minute).toISOString()}","user_id":"${userId}","session_id":"of-${userId}","event_type":"${type}","product":${product},"search_query":${JSON.stringify(query)}}`;
  const usual = openEventStream({
    seed,
    count: usualEvents,
    stream: parseStream('zipf-1.1'),
    catalogueSize,
    invalidPercent: 0,
    startAt: now - usualMs,
    stepMs: usualMs / usualEvents,
  }).events();
  const planted = [
    ...jackets.slice(0, 3).map(({ json }, n) => line('ann', 'view', json, null, 30 + n)),
    line('ann', 'purchase', jackets[3]!.json, null, 25),
    // Others went on from Ann's jackets, more of them than went from one to anything else.
    ...many(15, (n) => line(`j${n}`, 'view', jackets[n % 3]!.json, null, 50)),
    ...many(15, (n) => line(`j${n}`, 'view', jackets[4 + (n % 3)]!.json, null, 49)),
    ...many(60, (n) => line(`u${n}`, 'view', kettle!.json, null, 1 + (n % 50))),
    ...many(9, (n) => line(`u${n}`, 'search', null, 'sourdough starter', 2 + n)),
    ...many(6, (n) => line(`u${n}`, 'search', null, 'live sourdough culture', 2 + n)),
    ...many(4, (n) => line(`u${n}`, 'search', null, 'sourdough bread starter', 2 + n)),
    ...many(12, (n) => line(`u${n}`, 'search', null, 'warm winter jacket', 2 + n)),
  ];
  const body = [...[...usual].map((event) => Buffer.from(event.line).toString()), ...planted].join(
    '\n',
  );
  expect(await gateway.post('/events', body, 'application/x-ndjson')).toMatchObject({
    status: 202,
    body: { rejected: 0 },
  });
  await gateway.ready();
  await gateway.idle();

  // The fourth jacket is as near as a windproof bag: which one is nearer depends on the dtype.
  const { body: similar } = Object(
    await gateway.get(`/products/${jackets[0]!.id}/similar?limit=3`),
  );
  expect(similar.items).toHaveLength(3);
  for (const { product } of similar.items)
    expect([product.category, product.id === jackets[0]!.id]).toEqual(['Jackets & Coats', false]);

  const { body: recommended } = Object(await gateway.get('/users/ann/recommendations?limit=3'));
  expect(
    recommended.items.map(({ product }: { product: { category: string } }) => product.category),
  ).toEqual(many(3, () => 'Jackets & Coats'));
  for (const { product, because } of recommended.items) {
    expect(product.id).not.toBe(jackets[3]!.id);
    expect(because[0].event_id).toMatch(/^planted-[0-3]$/);
  }

  const { body: trends } = Object(
    await gateway.get('/trends?window_minutes=60&baseline_windows=7'),
  );
  expect(trends.products[0]).toMatchObject({ product: { id: kettle!.id } });
  expect(trends.products[0].growth).toBeGreaterThan(2);
  expect(trends.queries.map(({ query }: { query: string }) => query)).toEqual(
    expect.arrayContaining(['sourdough starter', 'warm winter jacket']),
  );
  expect(trends.unmet_demand[0]).toMatchObject({
    label: 'sourdough starter',
    count: 19,
    query_count: 3,
  });
  expect(JSON.stringify(trends.unmet_demand)).not.toContain('warm winter jacket');
});
