// Puts the security headers on every answer of the app, and keeps answers out of caches.

import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { contentPolicy, securityHeaders } from '../../http/security-headers.ts';
import type { AppEnv } from '../app-env.ts';

/** Refusals get the headers too, because it runs around all other middleware but the request id. */
export function applySecurityHeaders(overTls: boolean): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const isTransportStrict =
      overTls && !/^(localhost|127\.|\[::1\])/.test(c.req.header('host') ?? '');
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
    headers.set(
      'Content-Security-Policy',
      contentPolicy(c.req.path, headers.get('Content-Type'), c.req.header('host')),
    );
  });
}
