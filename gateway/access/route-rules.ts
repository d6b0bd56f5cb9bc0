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
 * Web pages and what they need to start. A browser cannot send a key when it opens a page, and
 * there is no secret in these files.
 */
const page: RouteRule = { scope: 'open', budget: 'reads' };
const search: RouteRule = { scope: 'read', budget: 'searches' };

/** The paths that differ from `fallback`, written as in the OpenAPI document. */
const exceptions: Readonly<Record<string, RouteRule>> = {
  'GET /livez': probe,
  'GET /startupz': probe,
  'GET /readyz': { scope: 'open', budget: 'reads' },
  'GET /health/live': probe,
  'GET /health/ready': { scope: 'open', budget: 'reads' },
  'GET /': page,
  'GET /search': page,
  'GET /fleet': page,
  'GET /dead-letters': page,
  'GET /map': page,
  'GET /demo': page,
  'GET /demo-offline.js': page,
  'GET /runner': page,
  'GET /assets/{file}': page,
  'GET /models/current': page,
  'GET /models/{revision}/{path}': page,
  'GET /docs': page,
  'GET /docs/api-reference.js': page,
  'GET /openapi.json': page,
  'GET /runners/connect': { scope: 'open', budget: 'reads' },
  'POST /events': { scope: 'write', budget: 'events' },
  'POST /search': search,
  'POST /v1/embeddings': search,
  'GET /products/{id}/similar': search,
  'GET /users/{id}/recommendations': search,
  'GET /trends': search,
  'GET /runners/tokens': { scope: 'admin', budget: 'admin' },
  'GET /config': { scope: 'admin', budget: 'admin' },
};

/** A change that is not in the table needs `admin`: a new path is closed rather than open. */
function fallback(method: string): RouteRule {
  return method === 'GET'
    ? { scope: 'read', budget: 'reads' }
    : { scope: 'admin', budget: 'admin' };
}

/** `path` is a pattern: `/dlq/messages/{id}` or `/dlq/messages/:id`. HEAD has the rule of GET. */
export function ruleOf(method: string, path: string): RouteRule {
  const asked = method === 'HEAD' ? 'GET' : method;
  return (
    exceptions[`${asked} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`] ?? fallback(asked)
  );
}
