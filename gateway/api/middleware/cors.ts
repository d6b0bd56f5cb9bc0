// Lets web pages of known origins use the API, and no other page: those of `gateway.corsOrigins`,
// and those that an API key names.

import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { createMiddleware } from 'hono/factory';
import { originRefused } from '../../access/origins.ts';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from './problem-response.ts';

/**
 * Answers preflight requests: those of other origins with a problem that says why. The answers to
 * other origins carry no CORS headers. `origins` is read for every request.
 */
export function corsFor(origins: () => readonly string[]): MiddlewareHandler<AppEnv> {
  const allow = cors({
    origin: (origin) => origin,
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
    const known = origins();
    if (known.length > 0) c.header('Vary', 'Origin', { append: true });
    const origin = c.req.header('origin')?.toLowerCase();
    if (origin !== undefined && known.includes(origin)) return allow(c, next);
    const isPreflight =
      c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined;
    return origin !== undefined && isPreflight
      ? problemResponse(c, originRefused(origin, 'may not use this gateway'))
      : next();
  });
}
