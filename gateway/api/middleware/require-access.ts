// Every request passes here before a route sees it: whose page it comes from, whose key it carries,
// what that key may do and how much it used.

import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { isProblem, type Access, type Caller, type Limited } from '../../access/access.ts';
import { ruleOf, type RouteRule } from '../../access/route-rules.ts';
import { contentPolicy, securityHeaders } from '../../http/security-headers.ts';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from './problem-response.ts';

/** Also on refusals: it runs around all others. */
export function securityHeadersOn(overTls: boolean): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const isTransportStrict =
      overTls && !/^(localhost|127\.|\[::1\])/.test(c.req.header('host') ?? '');
    for (const [name, value] of Object.entries(securityHeaders(isTransportStrict)))
      c.header(name, value);
    await next();
    const { headers } = c.res;
    // An answer that a route made without the context has none of them yet.
    if (!headers.has('X-Content-Type-Options'))
      for (const [name, value] of Object.entries(securityHeaders(isTransportStrict)))
        headers.set(name, value);
    // What customers did is for nobody's cache; a file says itself how long it may be kept.
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store');
    headers.set(
      'Content-Security-Policy',
      contentPolicy(c.req.path, headers.get('Content-Type'), c.req.header('host')),
    );
  });
}

/** Answers preflights of pages that may use the API, and says nothing of it to all others. */
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

export function requireAccess(access: Access): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { method } = c.req;
    c.set('audit', {});
    c.set('charge', () => undefined);
    const caller = callerOf(c);
    c.set('client', access.anonymous(caller));
    const screened = access.screen({
      method,
      isUpgrade: false,
      host: caller.header('host') ?? new URL(c.req.url).host,
      origin: caller.header('origin'),
    });
    if (screened !== null) return problemResponse(c, screened);

    const rule = matchedRule(c);
    if (rule?.scope !== 'open') {
      const client = access.identify(caller);
      if (isProblem(client)) {
        if (client.status === 401) c.header('WWW-Authenticate', 'Bearer realm="vectorstream"');
        return problemResponse(c, client);
      }
      c.set('client', client);
    }
    const budget = rule === null ? 'reads' : rule.budget;
    const limited = budget === null ? null : access.use(c.get('client'), budget);
    if (limited !== null) tellLimits(c, limited);
    if (limited !== null && !limited.ok) {
      return problemResponse(c, {
        status: 429,
        code: 'rate_limited',
        detail: `More than ${limited.perMinute} ${limited.budget} a minute: wait as Retry-After says.`,
        retryAfter: Math.max(1, limited.oneInS),
      });
    }
    // Any key may learn that nothing is at a path.
    const unfit =
      rule === null || rule.scope === 'open'
        ? null
        : access.missingScope(c.get('client'), rule.scope);
    if (unfit !== null) return problemResponse(c, unfit);
    if (budget !== null) c.set('charge', (units) => access.charge(c.get('client'), budget, units));
    return next();
  });
}

/** `null`: nothing is at this path. */
export function matchedRule(c: Context<AppEnv>): RouteRule | null {
  const route = matchedRoutes(c).find(({ method }) => method !== 'ALL');
  return route === undefined ? null : ruleOf(c.req.method, route.path);
}

/**
 * draft-ietf-httpapi-ratelimit-headers-10: the quota and its window in seconds; what is left of it,
 * and when it is whole again.
 */
function tellLimits(c: Context<AppEnv>, { budget, perMinute, left, fullInS }: Limited): void {
  c.header('RateLimit-Policy', `"${budget}";q=${perMinute};w=60`);
  c.header('RateLimit', `"${budget}";r=${left};t=${fullInS}`);
}

function callerOf(c: Context<AppEnv>): Caller {
  // Absent when a test asks the app in process.
  const { incoming }: Partial<HttpBindings> = c.env ?? {};
  return { socketAddress: incoming?.socket.remoteAddress, header: (name) => c.req.header(name) };
}
