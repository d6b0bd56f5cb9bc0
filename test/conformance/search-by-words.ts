// Every vector store finds products by words in the same order: that of the reference store.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { EventFilter, Product, TextRecord, VectorStore } from '#core/ports.ts';
import { hybridSearch } from '#core/vectors/lexical/hybrid-search.ts';
import { queryFeatures, wordQueryOf } from '#core/vectors/lexical/word-features.ts';
import { searchByWords } from '#core/vectors/lexical/word-search.ts';
import { noBehaviour } from '#core/vectors/shop/behaviour-boost.ts';
import { noRules } from '#core/vectors/shop/rules-by-query.ts';
import { dimensions, eventRecord, noon, textRecord } from './store-records.ts';
import type { MakeStore, StoreHarness } from './vector-store.ts';

const names = [
  'Enamel kettle',
  'Electric kettle',
  'Kettle, red',
  'Red enamel cup',
  'Chai Teapot (Cast Iron)',
  'T-light holder',
  'Théière japonaise',
  '手編みのウールマフラー',
  'Straßenlaterne',
  'Işık süsü',
] as const;

const productOf = (n: number): Product => ({
  id: `SKU-${100 + n}${n % 2 === 0 ? 'A' : ''}`,
  name: n < names.length ? names[n]! : `${names[n % names.length]!} ${n}`,
  description: n % 3 === 0 ? 'A gift for the kitchen' : null,
  category: n % 4 === 0 ? null : `Kitchen ${n % 2}`,
  price: n,
});
const textIdOf = (n: number): string => uuidV5(`worded text ${n}`);
const textOf = (n: number): TextRecord => ({
  ...textRecord(n),
  id: textIdOf(n),
  text: productOf(n).name,
  product: productOf(n),
});

const textCount = 60;
const graceMs = 10_000;
const queryText: TextRecord = { ...textRecord(500, 'query'), text: 'purple kettle' };

async function fill(store: VectorStore): Promise<void> {
  await store.putTexts([...Array.from({ length: textCount }, (_, n) => textOf(n)), queryText]);
  const events = Array.from({ length: textCount }, (_, n) => {
    const record = eventRecord(n, { timestamp: noon + (n % 7), eventType: 'view' });
    const product = productOf(n);
    const payload = JSON.stringify({ n, product });
    return { ...record, textId: textIdOf(n), event: { ...record.event, product, payload } };
  });
  // The last text has no event.
  await store.putEvents(events.slice(0, -1));
  const search = eventRecord(500, { eventType: 'search' });
  await store.putEvents([{ ...search, textId: queryText.id }]);
}

export function wordSearchConformance(name: string, makeStore: MakeStore): void {
  describe(`search by words: ${name}`, () => {
    const clock = new ManualClock(noon);
    const reference = createMemoryStore({ dimensions, now: () => clock.now() });
    let harness: StoreHarness;
    beforeAll(async () => {
      harness = await makeStore({ dimensions, clock });
      await fill(reference);
      await fill(harness.store);
    });
    afterAll(() => harness[Symbol.asyncDispose]());

    const find = async (query: string, filter: EventFilter = {}, limit = 100) =>
      (await searchByWords(harness.store, { query, alternatives: [], filter, limit })).map(
        ({ hit }) => hit.product?.name,
      );

    it('gives the hits, scores and order of the reference store', async () => {
      const words = fc.constantFrom('kettle', 'red', 'enamel', 'kitchen', 'sku', 'マフラー', 'tea');
      const filters = fc.record(
        { categories: fc.constantFrom(['Kitchen 1'], ['none']), userId: fc.constant('user-3') },
        { requiredKeys: [] },
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(words, { minLength: 1, maxLength: 3 }),
          filters,
          fc.integer({ min: 1, max: 12 }),
          async (query, filter, limit) => {
            const parsed = wordQueryOf(query.join(' '));
            const request = { features: queryFeatures(parsed, parsed.words), filter, limit };
            expect(await harness.store.searchWords(request)).toEqual(
              await reference.searchWords(request),
            );
          },
        ),
        { numRuns: 25 },
      );
    });

    it('finds a whole name first, and words in any spelling', async () => {
      expect((await find('electric kettle'))[0]).toBe('Electric kettle');
      expect((await find('KETTLE red'))[0]).toBe('Kettle, red');
      expect((await find('theiere'))[0]).toBe('Théière japonaise');
      expect((await find('ISIK'))[0]).toBe('Işık süsü');
      expect((await find('strassenlaterne'))[0]).toBe('Straßenlaterne');
      expect((await find('tlight'))[0]).toBe('T-light holder');
      expect((await find('マフラー'))[0]).toBe('手編みのウールマフラー');
    });

    it('finds an unfinished last word, and a word with a typing mistake', async () => {
      expect((await find('chai teap'))[0]).toBe('Chai Teapot (Cast Iron)');
      expect((await find('chai taepot'))[0]).toBe('Chai Teapot (Cast Iron)');
      expect((await find('elektric kettle'))[0]).toBe('Electric kettle');
    });

    it('finds nothing that no product is called, and nothing of what visitors typed', async () => {
      expect(await find('asdfgh')).toEqual([]);
      expect(await find('?!')).toEqual([]);
      expect(await find('purple', { eventTypes: ['search'] })).toEqual([]);
    });

    it('knows the products that share a text', async () => {
      const [first, second] = [productOf(2), { ...productOf(2), id: 'sku-102b' }];
      await using other = await makeStore({ dimensions, clock });
      await other.store.putTexts([textOf(2), textOf(3)]);
      const event = (product: Product, at: number, text = 2) => {
        const record = eventRecord(at, { timestamp: noon + at, eventType: 'view' });
        const payload = JSON.stringify({ at, product });
        return { ...record, textId: textIdOf(text), event: { ...record.event, product, payload } };
      };
      await other.store.putEvents([event(first, 1), event(second, 2), event(second, 3)]);
      const sharing = () =>
        other.store.sharingProducts({ textIds: [textIdOf(2)], exceptProductIds: [first.id] });
      const found = await sharing();
      expect([...found.keys()]).toEqual([second.id]);
      expect(found.get(second.id)).toMatchObject({ timestamp: noon + 3, textId: textIdOf(2) });
      const hits = await hybridSearch(other.store, {
        query: first.name,
        vector: null,
        filter: {},
        brands: null,
        inStock: false,
        cosineMin: 0,
        rules: noRules,
        behaviour: noBehaviour,
      });
      expect(hits.map(({ hit }) => hit.product?.id)).toEqual([first.id, second.id]);
      // A product is found by its newest text.
      await other.store.putEvents([event(second, 4, 3)]);
      expect((await sharing()).size).toBe(0);
    });

    it('finds only texts with a matching event', async () => {
      const found = await harness.store.searchWords({
        features: queryFeatures(wordQueryOf('kitchen')),
        filter: { categories: ['Kitchen 1'] },
        limit: 100,
      });
      expect(found.length).toBeGreaterThan(0);
      expect(new Set(found.map(({ product }) => product?.category))).toEqual(
        new Set(['Kitchen 1']),
      );
      expect(await find(`${names[9]} ${textCount - 1}`)).not.toContain(productOf(59).name);
    });

    it('finds deleted texts no more, and counts only those that are left', async () => {
      await using other = await makeStore({ dimensions, clock });
      await fill(other.store);
      await clock.advance(graceMs);
      for (const ingestedBefore of [noon + 1, 0]) {
        await other.store.forget({ ingestedBefore, now: clock.now(), textGraceMs: graceMs });
        await clock.advance(graceMs + 1);
      }
      expect((await other.store.counts()).texts).toBe(0);
      const alone = createMemoryStore({ dimensions });
      const request = { features: queryFeatures(wordQueryOf('kettle')), filter: {}, limit: 10 };
      const hits = await Promise.all(
        [other.store, alone].map(async (store) => {
          await store.putTexts([textOf(1)]);
          await store.putEvents([{ ...eventRecord(1), textId: textIdOf(1) }]);
          return store.searchWords(request);
        }),
      );
      expect(hits[0]).toHaveLength(1);
      expect(hits[0]).toEqual(hits[1]);
    });

    it('prepares texts in steps that come to an end', async () => {
      while (await harness.store.prepareWords());
      expect((await find('electric kettle'))[0]).toBe('Electric kettle');
    });
  });
}
