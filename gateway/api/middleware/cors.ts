// Lets web pages of the origins in `gateway.corsOrigins` use the API, and no other page.

import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from '../app-env.ts';

/** Answers preflight requests of these origins; the answers to all others carry no CORS headers. */
export function corsFor(origins: readonly string[]): MiddlewareHandler<AppEnv> {
  const allow = cors({
    origin: [...origins],
    allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowHeaders: [
      'Authorization',
      'Content-Type',
      'Content-Encoding',
      'Idempotency-Key',
      'X-API-Key',
      'X-Request-Id',
      'Last-Event-ID',
    ],
    exposeHeaders: [
      'X-Request-Id',
      'Retry-After',
      'RateLimit',
      'RateLimit-Policy',
      'Idempotency-Replayed',
    ],
    maxAge: 600,
  });
  return createMiddleware<AppEnv>(async (c, next) => {
    if (origins.length > 0) c.header('Vary', 'Origin', { append: true });
    return origins.includes(c.req.header('origin')?.toLowerCase() ?? '') ? allow(c, next) : next();
  });
}
