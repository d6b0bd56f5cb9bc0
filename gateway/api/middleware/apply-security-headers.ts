// Puts the security headers on every answer of the app, and keeps answers out of caches.

import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { Config } from '../../config/config.ts';
import { loadingPolicies, securityHeaders } from '../../http/security-headers.ts';
import type { AppEnv } from '../app-env.ts';

/** Refusals get the headers too, because it runs around all other middleware but the request id. */
export function applySecurityHeaders({
  tlsCert,
  pictureOrigins,
}: Pick<Config['gateway'], 'tlsCert' | 'pictureOrigins'>): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const isTransportStrict =
      tlsCert !== null && !/^(localhost|127\.|\[::1\])/.test(c.req.header('host') ?? '');
    for (const [name, value] of Object.entries(securityHeaders(isTransportStrict)))
      c.header(name, value);
    await next();
    const { headers } = c.res;
    // An answer that a route made without the context does not have them yet.
    if (!headers.has('X-Content-Type-Options'))
      for (const [name, value] of Object.entries(securityHeaders(isTransportStrict)))
        headers.set(name, value);
    // No cache may keep what customers did; a file says itself how long it may be kept.
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store');
    const policies = loadingPolicies({
      path: c.req.path,
      contentType: headers.get('Content-Type'),
      host: c.req.header('host'),
      pictureOrigins,
    });
    for (const [name, value] of Object.entries(policies)) headers.set(name, value);
  });
}
