// What every store guarantees about the rules of a shop for its search, and how a search follows
// them.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { EventFilter, Product, SearchRules, VectorStore } from '#core/ports.ts';
import { hybridSearch } from '#core/vectors/lexical/hybrid-search.ts';
import { noBehaviour } from '#core/vectors/shop/behaviour-boost.ts';
import { rulesByQuery } from '#core/vectors/shop/rules-by-query.ts';
import { dimensions, eventRecord, noon, queryVector, textRecord } from './store-records.ts';
import type { MakeStore, StoreHarness } from './vector-store.ts';

const names = ['Red sofa', 'Blue sofa', 'Leather couch', 'Lamp', 'Reading lamp'];
const productOf = (n: number): Product => ({
  id: `p${n}`,
  name: names[n] ?? '',
  description: null,
  category: 'Home',
  price: 10 * n,
});

const rulesOf = (changes: Partial<SearchRules>): SearchRules => ({
  updatedAt: noon,
  synonyms: [],
  queries: [],
  ...changes,
});
const forLamp = { query: 'Lámp', pin: [], hide: [], boost: [] };

export function searchRulesConformance(name: string, makeStore: MakeStore): void {
  describe(`search rules: ${name}`, () => {
    let harness: StoreHarness;
    let store: VectorStore;
    let version = noon;
    beforeEach(async () => {
      harness = await makeStore({ dimensions, clock: new ManualClock(noon) });
      ({ store } = harness);
    });
    afterEach(() => harness[Symbol.asyncDispose]());

    const found = async (
      query: string,
      rules: Partial<SearchRules>,
      filter: EventFilter = {},
    ): Promise<readonly string[]> => {
      await store.searchRules.put(rulesOf({ ...rules, updatedAt: (version += 1) }));
      const hits = await hybridSearch(store, {
        query,
        vector: null,
        filter,
        brands: null,
        inStock: false,
        cosineMin: 0,
        rules: rulesByQuery(await store.searchRules.get())(query),
        behaviour: noBehaviour,
      });
      return hits.map(({ hit }) => hit.product?.name ?? '');
    };

    it('are kept as they were put, and only newer ones replace them', async () => {
      expect(await store.searchRules.get()).toBeNull();
      const first = rulesOf({
        synonyms: [{ terms: ['“sofa”', 'ソファ'], alsoFind: null }],
        queries: [{ ...forLamp, boost: [{ productId: 'p1', factor: 0.5 }] }],
      });
      await store.searchRules.put(first);
      expect(await store.searchRules.get()).toEqual(first);
      await store.searchRules.put(rulesOf({ updatedAt: noon - 1 }));
      await store.searchRules.put(rulesOf({ updatedAt: noon }));
      expect(await store.searchRules.get()).toEqual(first);
      await store.searchRules.put(rulesOf({ updatedAt: noon + 1 }));
      expect(await store.searchRules.get()).toEqual(rulesOf({ updatedAt: noon + 1 }));
    });

    it('are no product: searches and the catalogue do not see them', async () => {
      await store.searchRules.put(rulesOf({}));
      expect(await store.catalogue.waiting(10)).toEqual([]);
      const request = { vector: queryVector, limit: 10, filter: {} };
      expect(await store.search(request)).toEqual([]);
    });

    describe('of a filled store', () => {
      beforeEach(async () => {
        await store.putTexts(
          names.map((text, n) => ({ ...textRecord(n), text, product: productOf(n) })),
        );
        await store.putEvents(
          names.map((_, n) => {
            const record = eventRecord(n, { text: n });
            const product = productOf(n);
            const payload = JSON.stringify({ product });
            return { ...record, event: { ...record.event, product, payload } };
          }),
        );
      });

      it('find synonyms both ways or one way', async () => {
        const synonyms = [
          { terms: ['sofa', 'couch'], alsoFind: null },
          { terms: ['light'], alsoFind: ['reading lamp'] },
        ];
        expect(await found('couch', { synonyms })).toEqual([
          'Leather couch',
          'Red sofa',
          'Blue sofa',
        ]);
        expect(await found('red COUCH', { synonyms })).toContain('Red sofa');
        expect(await found('sofa', { synonyms })).toContain('Leather couch');
        expect(await found('light', { synonyms })).toEqual(['Reading lamp']);
        expect(await found('couch', {})).toEqual(['Leather couch']);
      });

      it('pin, hide and boost products for one query', async () => {
        const queries = [
          { ...forLamp, pin: ['p2', 'p9', 'p4'], hide: ['p3'], boost: [] },
          { ...forLamp, query: 'sofa', boost: [{ productId: 'p1', factor: 3 }] },
        ];
        expect(await found('lamp', { queries })).toEqual(['Leather couch', 'Reading lamp']);
        expect(await found('lamp', { queries }, { priceMax: 39 })).toEqual(['Leather couch']);
        expect(await found('sofa', { queries })).toEqual(['Blue sofa', 'Red sofa']);
        expect(await found('a lamp', { queries })).toContain('Lamp');
      });
    });
  });
}
