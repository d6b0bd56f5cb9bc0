// The calls for the catalogue of products, and for the rules of the search.

import type { z } from 'zod';
import type { wireCatalogueProductSchema } from '#core/event/event-schema.ts';
import type {
  CatalogueAnswer,
  CatalogueEntryView,
} from '../gateway/api/routes/catalogue-schemas.ts';
import type {
  SearchRulesInput,
  SearchRulesView,
} from '../gateway/api/routes/search-rule-schemas.ts';
import type { CallOptions, Transport } from './transport.ts';

export type ProductToPut = z.input<typeof wireCatalogueProductSchema>;
export type { CatalogueAnswer, CatalogueEntryView };

const pathOf = (id: string): string => `/products/${encodeURIComponent(id)}`;

export function catalogueCalls(transport: Transport) {
  return {
    /** Puts many products at once; the newest version of each stays. */
    putAll: (products: readonly ProductToPut[], options?: CallOptions): Promise<CatalogueAnswer> =>
      transport.json(
        { method: 'POST', path: '/products', json: products, repeat: 'always' },
        options,
      ),
    put: (product: ProductToPut, options?: CallOptions): Promise<CatalogueAnswer> =>
      transport.json({ method: 'PUT', path: pathOf(product.id), json: product }, options),
    get: (id: string, options?: CallOptions): Promise<CatalogueEntryView> =>
      transport.json({ method: 'GET', path: pathOf(id) }, options),
    /** It is no longer found or recommended; the events about it stay. */
    delete: (id: string, options?: CallOptions): Promise<CatalogueAnswer> =>
      transport.json({ method: 'DELETE', path: pathOf(id) }, options),
  };
}

export function searchRuleCalls(transport: Transport) {
  const path = '/search/rules';
  return {
    get: (options?: CallOptions): Promise<SearchRulesView> =>
      transport.json({ method: 'GET', path }, options),
    /** Replaces all rules. */
    put: (rules: SearchRulesInput, options?: CallOptions): Promise<SearchRulesView> =>
      transport.json({ method: 'PUT', path, json: rules, repeat: 'always' }, options),
  };
}
