// Writes every call that may change something to the audit trail, with its outcome; a refused call
// only when its client is known.

import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { AuditTrail } from '../../access/audit-trail.ts';
import type { RouteScope } from '../../access/route-scopes.ts';
import type { AppEnv } from '../app-env.ts';
import { matchedRule } from './require-access.ts';

const pathCharactersMax = 512;
/** Scopes whose requests change nothing, not even by POST. */
const readScopes: ReadonlySet<RouteScope> = new Set(['read', 'search']);
/** Refusals of unknown clients: a flood of them must not push other lines out of the file. */
const anonymousRefusals: ReadonlySet<number> = new Set([401, 421, 429]);

/** The trail outlives the erasure of a user, so it must not hold the id. */
const withoutUser = (path: string): string => path.replace(/^\/users\/[^/]*/, '/users/{id}');

export function auditTo(audit: AuditTrail): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    await next();
    const { method, path } = c.req;
    if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return;
    const rule = matchedRule(c);
    if (rule === null || readScopes.has(rule.scope) || anonymousRefusals.has(c.res.status)) return;
    const { key, address } = c.get('client');
    // Without a key, 403 refuses a web page of another origin: its client is unknown, too.
    if (key === null && c.res.status === 403) return;
    audit.write({
      key,
      address,
      method,
      path: withoutUser(path).slice(0, pathCharactersMax),
      status: c.res.status,
      request_id: c.get('requestId'),
      ...c.get('audit'),
    });
  });
}
