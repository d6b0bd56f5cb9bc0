// PUT and GET /search/rules: the synonyms of a shop, and the products that it pins, hides and
// boosts for a query.

import { isDeepStrictEqual } from 'node:util';
import { createRoute, type OpenAPIHono, type z } from '@hono/zod-openapi';
import type { SearchRules } from '#core/ports.ts';
import type { PresentRules } from '#core/vectors/shop/present-rules.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer, problem } from './schemas.ts';
import { rulesSchema, storedRulesSchema, type SearchRulesView } from './search-rule-schemas.ts';

const getRoute = createRoute({
  method: 'get',
  path: '/search/rules',
  summary: "The shop's rules for its search",
  responses: { 200: answer('All rules.', storedRulesSchema) },
});

const putRoute = createRoute({
  method: 'put',
  path: '/search/rules',
  summary: "Replace the shop's rules for its search",
  description:
    'Synonyms widen the search by words. For one query, products are pinned to the first places, ' +
    'hidden, or moved by a factor of their score. The rules are kept with the store: every ' +
    'gateway of it uses them within two seconds. See docs/analysis.md.',
  request: {
    body: { required: true, content: { 'application/json': { schema: rulesSchema } } },
  },
  responses: {
    200: answer('The rules are durable, and this gateway uses them.', storedRulesSchema),
    409: problem('Somebody else replaced the rules at the same time: read them, and put again.'),
    413: problem('The body has more than 256 KiB.'),
    422: problem('A rule is not valid, and `errors` says which: nothing was changed.'),
  },
});

export function searchRuleRoutes(
  app: OpenAPIHono<AppEnv>,
  { store, clock }: Services,
  present: PresentRules,
): void {
  app.openapi(getRoute, async (c) => {
    const rules = await store.searchRules.get();
    present.know(rules);
    return c.json(viewOf(rules), 200);
  });

  app.openapi(putRoute, async (c) => {
    const asked = c.req.valid('json');
    c.get('audit')['synonyms'] = asked.synonyms.length;
    c.get('audit')['queries'] = asked.queries.length;
    const before = await store.searchRules.get();
    // The clock of the gateway that put the rules before may be ahead.
    const updatedAt = Math.max(clock.now(), (before?.updatedAt ?? 0) + 1);
    const rules = rulesOf(asked, updatedAt);
    await store.searchRules.put(rules);
    const stored = await store.searchRules.get();
    present.know(stored);
    // Two changes may have the same time.
    if (!isDeepStrictEqual(stored, rules))
      throw new ProblemError({
        status: 409,
        code: 'rules_replaced',
        detail: 'Somebody else replaced the rules at the same time: read them, and put again.',
      });
    return c.json(viewOf(stored), 200);
  });
}

const rulesOf = (
  { synonyms, queries }: z.output<typeof rulesSchema>,
  updatedAt: number,
): SearchRules => ({
  updatedAt,
  synonyms: synonyms.map(({ terms, also_find: alsoFind = null }) => ({ terms, alsoFind })),
  queries: queries.map(({ boost, ...rule }) => ({
    ...rule,
    boost: boost.map(({ product_id: productId, factor }) => ({ productId, factor })),
  })),
});

const viewOf = (rules: SearchRules | null): SearchRulesView => ({
  synonyms: (rules?.synonyms ?? []).map(({ terms, alsoFind }) => ({
    terms: [...terms],
    ...(alsoFind !== null && { also_find: [...alsoFind] }),
  })),
  queries: (rules?.queries ?? []).map(({ query, pin, hide, boost }) => ({
    query,
    pin: [...pin],
    hide: [...hide],
    boost: boost.map(({ productId, factor }) => ({ product_id: productId, factor })),
  })),
  updated_at: rules === null ? null : new Date(rules.updatedAt).toISOString(),
});
