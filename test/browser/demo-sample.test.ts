// The demo's sample with the real model: searches find what a person expects, and the map keeps
// more neighbours than a projection.

import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openSession } from '../../node-runner/proved-session.ts';
import { nearest } from '../../pages/demo/nearest-products.ts';
import { fitProjection, type Point } from '../../pages/demo/principal-components.ts';
import { readProducts } from '../../pages/demo/product-list.ts';
import { sampleList, sampleQueries } from '../../pages/demo/sample-list.ts';
import { TsneLayout } from '../../pages/demo/tsne-layout.ts';

const { products } = readProducts(sampleList);
let vectors: readonly Float32Array[] = [];
let queries: readonly Float32Array[] = [];

beforeAll(async () => {
  const { embedder } = await openSession({
    model: join(import.meta.dirname, '../../models/all-MiniLM-L6-v2'),
    device: 'cpu',
    dtype: 'q8',
    threads: 1,
    measureMs: 0,
  });
  await using _ = embedder;
  const outcomes = await embedder.embed([...products.map(({ text }) => text), ...sampleQueries]);
  const found = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.vector] : []));
  vectors = found.slice(0, products.length);
  queries = found.slice(products.length);
});

/** Share of each product's five nearest in meaning that are among its ten nearest on the map. */
function neighboursKept(points: readonly Point[]): number {
  const kept = points.map((point, index) => {
    const byDistance = points
      .map(({ x, y }, other) => ({
        other,
        distance: other === index ? Infinity : Math.hypot(x - point.x, y - point.y),
      }))
      .toSorted((a, b) => a.distance - b.distance);
    const ten = new Set(byDistance.slice(0, 10).map(({ other }) => other));
    const five = nearest(vectors, vectors[index] ?? new Float32Array(0), 6)
      .filter((hit) => hit.index !== index)
      .slice(0, 5);
    return five.filter((hit) => ten.has(hit.index)).length / 5;
  });
  return kept.reduce((sum, share) => sum + share, 0) / kept.length;
}

test('each example query finds what a person expects', () => {
  const firsts = queries.map((query) => products[nearest(vectors, query, 1)[0]?.index ?? -1]?.name);
  expect(Object.fromEntries(sampleQueries.map((query, index) => [query, firsts[index]]))).toEqual({
    'keeps me dry in a storm': 'Drizzle Shell',
    'better coffee at home': 'Grindwell 40',
    'help a child fall asleep': 'Lullaby Lamp',
    'my feet are always cold': 'Ember Socks',
  });
});

test('the map keeps three of four neighbours; a projection onto two axes keeps half', () => {
  const map = new TsneLayout();
  map.add(vectors);
  while (!map.isAtRest) map.step();
  expect(neighboursKept(map.points)).toBeGreaterThan(0.72);
  expect(neighboursKept(vectors.map(fitProjection(vectors)))).toBeLessThan(0.55);
});
