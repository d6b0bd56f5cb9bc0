// What every store guarantees about the catalogue of products.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textIdOf as idOfText } from '#core/event/text-id.ts';
import { productText } from '#core/event/text.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { CatalogueProduct, CatalogueWrite, EventFilter, VectorStore } from '#core/ports.ts';
import { hybridSearch } from '#core/vectors/lexical/hybrid-search.ts';
import { searchByWords } from '#core/vectors/lexical/word-search.ts';
import { noBehaviour } from '#core/vectors/shop/behaviour-boost.ts';
import { createWithBrands, type WithBrands } from '#core/vectors/shop/brand-filter.ts';
import { noRules } from '#core/vectors/shop/rules-by-query.ts';
import { dimensions, eventRecord, noon, queryVector, textRecord } from './store-records.ts';
import type { MakeStore, StoreHarness } from './vector-store.ts';

const kettle: CatalogueProduct = {
  id: 'k-1',
  name: 'Enamel kettle',
  description: null,
  category: 'Kitchen',
  price: 20,
  brand: 'Aga',
  image: '/kettle.jpg',
  url: null,
  stock: 3,
  attributes: { litres: 2 },
};
const textId = (product: CatalogueProduct): string => idOfText(productText(product));

function writeOf(changes: Partial<CatalogueProduct>, updatedAt = noon): CatalogueWrite {
  const product = { ...kettle, ...changes };
  return { id: product.id, updatedAt, product, textId: textId(product) };
}
const gone = (id: string, updatedAt: number): CatalogueWrite => ({
  id,
  updatedAt,
  product: null,
  textId: null,
});
const textOf = (product: CatalogueProduct, n = 1) => ({
  ...textRecord(n),
  id: textId(product),
  text: productText(product),
  product,
});
const graceMs = 60_000;

export function catalogueConformance(name: string, makeStore: MakeStore): void {
  describe(`catalogue: ${name}`, () => {
    let harness: StoreHarness;
    let store: VectorStore;
    let withBrands: WithBrands;
    let clock: ManualClock;
    beforeEach(async () => {
      clock = new ManualClock(noon);
      harness = await makeStore({ dimensions, clock });
      ({ store } = harness);
      withBrands = createWithBrands(store.catalogue);
    });
    afterEach(() => harness[Symbol.asyncDispose]());

    const put = (...writes: readonly CatalogueWrite[]) => store.catalogue.put(writes);
    const settle = (id: string, updatedAt = noon, problem: string | null = null) =>
      store.catalogue.settle([{ id, updatedAt, problem }]);
    const entry = async (id: string) => (await store.catalogue.entries([id])).get(id);
    const found = async (
      query: string,
      filter: EventFilter = {},
      { inStock = false, brands = null as readonly string[] | null } = {},
    ) =>
      (
        await withBrands(filter, brands, (within) =>
          hybridSearch(store, {
            query,
            vector: queryVector,
            filter: within,
            brands,
            inStock,
            cosineMin: -1,
            rules: noRules,
            behaviour: noBehaviour,
          }),
        )
      ).map(({ hit }) => hit.product?.id);

    it('finds a product by the words of its brand, as the catalogue has it now', async () => {
      const cup = { ...kettle, id: 'c-1', name: 'Tin cup', brand: null };
      const bosch = { ...kettle, brand: 'Böschung & Söhne' };
      await store.putTexts([textOf(kettle, 1), textOf(cup, 2)]);
      await put(writeOf(bosch), writeOf({ ...cup, brand: 'Aga' }));
      const byWords = async (query: string) =>
        (await searchByWords(store, { query, alternatives: [], filter: {}, limit: 10 })).map(
          ({ hit, match }) => [hit.product?.name, match.share],
        );
      expect(await byWords('boschung')).toEqual([['Enamel kettle', 1]]);
      expect(await byWords('bosch')).toEqual([['Enamel kettle', 1]]);
      expect(await byWords('böshung kettle')).toEqual([['Enamel kettle', 1]]);
      expect(await byWords('aga kettle')).toContainEqual(['Tin cup', 0.5]);

      // A text that is shared has the brands of all its products.
      await put(writeOf({ ...bosch, id: 'k-2', brand: 'Aga' }));
      expect((await byWords('aga kettle'))[0]).toEqual(['Enamel kettle', 1]);
      await put(gone('k-2', noon + 1), writeOf({ ...bosch, brand: 'Cuisine' }, noon + 1));
      expect(await byWords('aga')).toEqual([['Tin cup', 1]]);
      expect(await byWords('boschung')).toEqual([]);
      expect(await byWords('cuisine')).toEqual([['Enamel kettle', 1]]);

      // The text comes after the product.
      const pan = { ...kettle, id: 'p-1', name: 'Pan', brand: 'Zwilling' };
      await put(writeOf(pan));
      await store.putTexts([textOf(pan, 3)]);
      expect(await byWords('zwilling')).toEqual([['Pan', 1]]);
    });

    it('finds products by their brand, as the catalogue has it now', async () => {
      const cup = { ...kettle, id: 'c-1', name: 'Tin cup', brand: null };
      await store.putTexts([textOf(kettle, 1), textOf(cup, 2)]);
      await put(writeOf({}), writeOf({ id: 'k-2', brand: 'Bosch' }), writeOf(cup));
      await put(writeOf({ id: 'x-1', name: 'Not embedded' }));
      await store.putEvents([{ ...eventRecord(1), textId: textId(kettle) }]);
      const texts = (...brands: string[]) => store.catalogue.textsOfBrands(brands, 10);
      expect(await texts('Aga')).toEqual([textId(kettle)]);
      expect(await texts('Bosch', 'Aga')).toEqual([textId(kettle)]);
      expect(await texts('bosch', '')).toEqual([]);
      expect(await store.catalogue.textsOfBrands(['Aga'], 10)).toHaveLength(1);
      expect(await found('kettle', {}, { brands: ['Bosch'] })).toEqual(['k-2']);
      expect(await found('kettle', { priceMax: 5 }, { brands: ['Bosch'] })).toEqual([]);
      expect(await found('k-1', {}, { brands: ['Bosch'] })).toEqual(['k-2']);
      expect(await found('kettle', { textIds: [textId(cup)] }, { brands: ['Aga'] })).toEqual([]);
      await put(gone('k-2', noon + 1));
      expect(await texts('Bosch')).toEqual([]);
    });

    it('keeps the newest version of a product, and older ones are superseded', async () => {
      expect(await put(writeOf({}), writeOf({ id: 'k-2' }))).toEqual(['stored', 'stored']);
      expect(await entry('k-1')).toEqual({ ...writeOf({}), state: 'waiting', problem: null });
      expect(await put(writeOf({ price: 1 }))).toEqual(['superseded']);
      expect(await put(writeOf({ price: 2 }, noon + 1))).toEqual(['stored']);
      expect(await put(writeOf({ price: 3 }, noon - 1))).toEqual(['superseded']);
      expect((await entry('k-1'))?.product?.price).toBe(2);
      expect(await put(gone('k-1', noon + 2))).toEqual(['stored']);
      expect(await entry('k-1')).toMatchObject({ product: null, updatedAt: noon + 2 });
      expect(await put(writeOf({ price: 4 }, noon + 1))).toEqual(['superseded']);
      expect(await put(writeOf({ price: 5 }, noon + 3))).toEqual(['stored']);
      expect((await entry('k-1'))?.product?.price).toBe(5);
      expect(await entry('unknown')).toBeUndefined();
    });

    it('waits until its text is stored or failed, version by version', async () => {
      const waiting = async () => (await store.catalogue.waiting(10)).map(({ id }) => id);
      await put(writeOf({}), writeOf({ id: 'k-2' }), gone('k-3', noon));
      expect((await waiting()).toSorted()).toEqual(['k-1', 'k-2']);
      await store.putTexts([textOf(kettle)]);
      await settle('k-1');
      await settle('k-2', noon, 'too long');
      await settle('k-3');
      expect(await waiting()).toEqual([]);
      expect(await entry('k-1')).toMatchObject({ state: 'searchable', problem: null });
      expect(await entry('k-2')).toMatchObject({ state: 'failed', problem: 'too long' });
      expect((await entry('k-3'))?.product).toBeNull();
      await put(writeOf({ name: 'Red kettle' }, noon + 1));
      await settle('k-1');
      expect(await waiting()).toEqual(['k-1']);
    });

    it('a product is found without any event, by words, by meaning and by its id', async () => {
      await put(writeOf({}));
      expect(await found('enamel')).toEqual([]);
      await store.putTexts([textOf(kettle)]);
      await settle('k-1');
      const [hit] = await store.search({ vector: queryVector, limit: 5, filter: {} });
      expect(hit).toMatchObject({ events: { total: 0, byType: {} }, newest: null });
      expect(await found('enamel')).toEqual(['k-1']);
      expect(await found('K-1')).toEqual(['k-1']);
      expect(await found('enamel', { categories: ['Kitchen'], priceMax: 20 })).toEqual(['k-1']);
      expect(await found('enamel', { categories: ['Garden'] })).toEqual([]);
      expect(await found('enamel', { priceMin: 21 })).toEqual([]);
      expect(await found('enamel', { productId: 'k-1' })).toEqual(['k-1']);
      expect(await found('enamel', { textIds: [textId(kettle)] })).toEqual(['k-1']);
      expect(await found('enamel', { userId: 'user-1' })).toEqual([]);
      expect(await found('enamel', { since: 0 })).toEqual([]);
    });

    it('shows the present product, whatever events say, and hides what is not sold', async () => {
      const old = { ...kettle, name: 'Old kettle', price: 5 };
      const seen = eventRecord(1, { eventType: 'view' });
      await store.putTexts([textOf(old, 1), textOf(kettle, 2)]);
      await store.putEvents([
        {
          ...seen,
          textId: textId(old),
          event: { ...seen.event, product: old, payload: JSON.stringify({ product: old }) },
        },
      ]);
      await put(writeOf({ stock: 0 }), writeOf({ id: 'k-2' }));
      await settle('k-1');
      const hits = await hybridSearch(store, {
        query: 'old kettle',
        vector: null,
        filter: {},
        brands: null,
        inStock: false,
        cosineMin: 0,
        rules: noRules,
        behaviour: noBehaviour,
      });
      expect(hits.map(({ hit: { text, product } }) => [text, product?.id, product?.price])).toEqual(
        [
          ['Enamel kettle, Kitchen', 'k-1', 20],
          ['Enamel kettle, Kitchen', 'k-2', 20],
        ],
      );
      expect(await found('kettle', {}, { inStock: true })).toEqual(['k-2']);
      expect(await found('kettle', { priceMax: 10 })).toEqual([]);
      await put(gone('k-1', noon + 1));
      expect(await found('kettle')).toEqual(['k-2']);
      expect(await found('k-1')).not.toContain('k-1');
    });

    it('keeps the text of a product from retention, until nothing refers to it', async () => {
      const sweep = async () => {
        await clock.advance(graceMs + 1);
        const now = clock.now();
        return store.forget({ ingestedBefore: 0, now, textGraceMs: graceMs });
      };
      await store.putTexts([textOf(kettle)]);
      await put(writeOf({}));
      await settle('k-1');
      expect((await sweep()).texts).toBe(0);
      await put(writeOf({ name: 'Red kettle' }, noon + 1));
      await sweep();
      await sweep();
      expect(await store.texts([textId(kettle)])).toEqual(new Map());
      const red = { ...kettle, name: 'Red kettle' };
      await store.putTexts([textOf(red)]);
      await settle('k-1', noon + 1);
      await sweep();
      expect((await store.texts([textId(red)])).size).toBe(1);
      await put(gone('k-1', noon + 2));
      await sweep();
      await sweep();
      expect((await store.texts([textId(red)])).size).toBe(0);
    });
  });
}
