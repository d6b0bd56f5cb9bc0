// Defines which scope and which budget every path needs, in one table for the middleware, OpenAPI
// and the documentation.

import type { Scope } from '../config/api-keys.ts';

/** `open`: no key is required. */
export type RouteScope = Scope | 'open';
export const budgets = ['reads', 'searches', 'events', 'admin'] as const;
export type Budget = (typeof budgets)[number];

/** `budget`: `null`: the request is not counted. */
export type RouteRule = { readonly scope: RouteScope; readonly budget: Budget | null };

/** A load balancer has no key, and these paths only tell whether the gateway is alive or ready. */
const probe: RouteRule = { scope: 'open', budget: null };
/**
 * Web pages and what they need to start, and other paths that need no key. A browser cannot send a
 * key when it opens a page, and there is no secret in these files.
 */
const page: RouteRule = { scope: 'open', budget: 'reads' };
const read: RouteRule = { scope: 'read', budget: 'reads' };
const analyse: RouteRule = { scope: 'read', budget: 'searches' };
const search: RouteRule = { scope: 'search', budget: 'searches' };
const catalogue: RouteRule = { scope: 'write', budget: 'events' };
const admin: RouteRule = { scope: 'admin', budget: 'admin' };

/** Every path, written as in the OpenAPI document; a WebSocket is a GET. */
export const routeRules: Readonly<Record<string, RouteRule>> = {
  'GET /': page,
  'GET /assets/{file}': page,
  'GET /config': admin,
  'PUT /config/{section}': admin,
  'GET /demo': page,
  'GET /design': page,
  'GET /lend': page,
  'GET /demo-offline.js': page,
  'GET /dead-letters': page,
  'GET /dlq/messages': read,
  'POST /dlq/messages': admin,
  'DELETE /dlq/messages/{id}': admin,
  'GET /dlq/messages/{id}': read,
  'POST /dlq/purge': admin,
  'POST /dlq/replay/batch': admin,
  'POST /dlq/replay/{id}': admin,
  'GET /dlq/stats': read,
  'GET /docs': page,
  'GET /docs/api-reference.js': page,
  'GET /docs/operations.md': page,
  'GET /events': read,
  'POST /events': { scope: 'collect', budget: 'events' },
  'GET /events/{id}': read,
  'GET /favicon.ico': page,
  'GET /fleet': page,
  'GET /funnel': analyse,
  'PUT /generator': { scope: 'write', budget: 'admin' },
  'GET /health': read,
  'GET /health/kafka': read,
  'GET /health/live': probe,
  'GET /health/qdrant': read,
  'GET /health/ready': page,
  'GET /health/runners': read,
  'GET /health/system': read,
  'GET /livez': probe,
  'GET /metrics': read,
  'GET /models/current': page,
  'GET /models/{revision}/{path}': page,
  'GET /openapi.json': page,
  'POST /products': catalogue,
  'GET /products/{id}': search,
  'PUT /products/{id}': catalogue,
  'DELETE /products/{id}': catalogue,
  'GET /products/{id}/related': search,
  'GET /products/{id}/similar': search,
  'GET /readyz': page,
  'POST /recommendations': search,
  'GET /runner': page,
  'GET /runners': read,
  'GET /runners/connect': page,
  'GET /runners/quarantines': admin,
  'DELETE /runners/quarantines/{id}': admin,
  'GET /runners/tokens': admin,
  'POST /runners/tokens': admin,
  'DELETE /runners/tokens/{id}': admin,
  'DELETE /runners/{id}': admin,
  'GET /runners/{id}': read,
  'POST /runners/{id}/drain': admin,
  'POST /runners/{id}/quarantine': admin,
  'GET /search': page,
  'POST /search': search,
  'GET /search/rules': read,
  'PUT /search/rules': { scope: 'write', budget: 'admin' },
  'GET /sse/events': read,
  'GET /startupz': probe,
  'GET /stats': read,
  'GET /stats/attribution': read,
  'GET /stats/history': read,
  'GET /system': read,
  'GET /texts': analyse,
  'GET /trends': analyse,
  'GET /audit': admin,
  'DELETE /users/{id}': admin,
  'GET /erasures/{receipt}': admin,
  'GET /users/{id}/recommendations': analyse,
  'POST /v1/embeddings': analyse,
  'GET /v1/models': read,
  'GET /v1/models/{model}': read,
  'GET /ws/events': read,
};

/** `path` is a pattern: `/dlq/messages/{id}` or `/dlq/messages/:id`. HEAD has the rule of GET. */
export function ruleOf(method: string, path: string): RouteRule {
  const asked = method === 'HEAD' ? 'GET' : method;
  const name = `${asked} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`;
  // A path that is not in the table is closed rather than open.
  return routeRules[name] ?? admin;
}
