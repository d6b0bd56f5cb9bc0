// Sees to it that every call that may change something is in the audit trail with its outcome,
// refused ones of known clients included.

import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { AuditTrail } from '../../access/audit-trail.ts';
import type { AppEnv } from '../app-env.ts';
import { matchedRule } from './require-access.ts';

const pathCharactersMax = 512;
/** Nobody in particular was refused: whoever floods must not push out of the file what others did. */
const anonymousRefusals: ReadonlySet<number> = new Set([401, 421, 429]);

export function auditTo(audit: AuditTrail): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    await next();
    const { method, path } = c.req;
    if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return;
    const rule = matchedRule(c);
    if (rule === null || rule.scope === 'read' || anonymousRefusals.has(c.res.status)) return;
    const { key, address } = c.get('client');
    // Without a key only pages of others and proxies that bring them are forbidden anything: as
    // anonymous as those above.
    if (key === null && c.res.status === 403) return;
    audit.write({
      key,
      address,
      method,
      path: path.slice(0, pathCharactersMax),
      status: c.res.status,
      request_id: c.get('requestId'),
      ...c.get('audit'),
    });
  });
}
