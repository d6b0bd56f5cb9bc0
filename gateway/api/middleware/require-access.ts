// Checks every request before a route sees it: the page that it comes from, its API key, what that
// key may do, and how much it has used.

import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { isProblem, type Access, type Caller, type BudgetUse } from '../../access/authorization.ts';
import { ruleOf, type RouteRule } from '../../access/route-scopes.ts';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from './problem-response.ts';

export function requireAccess(access: Access): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { method } = c.req;
    c.set('audit', {});
    c.set('charge', () => undefined);
    const caller = callerOf(c);
    c.set('client', access.anonymous(caller));
    const host = caller.header('host') ?? new URL(c.req.url).host;
    const screened = access.screen({
      method,
      isUpgrade: false,
      host,
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
      const foreign = access.foreignKey(client, caller.header('origin'), host);
      if (foreign !== null) return problemResponse(c, foreign);
    }
    const budget = rule === null ? 'reads' : rule.budget;
    const limited = budget === null ? null : access.use(c.get('client'), budget);
    if (limited !== null) setRateLimitHeaders(c, limited);
    if (limited !== null && !limited.ok) {
      return problemResponse(c, {
        status: 429,
        code: 'rate_limited',
        detail:
          `More than ${limited.perMinute} ${limited.budget} per minute; ` +
          'retry after the seconds in Retry-After.',
        retryAfter: Math.max(1, limited.oneInS),
      });
    }
    // Any key may learn that a path does not exist.
    const missing =
      rule === null || rule.scope === 'open'
        ? null
        : access.missingScope(c.get('client'), rule.scope);
    if (missing !== null) return problemResponse(c, missing);
    if (budget !== null) c.set('charge', (units) => access.charge(c.get('client'), budget, units));
    return next();
  });
}

/** The rule of the route that answers; `null` when the path does not exist. */
export function matchedRule(c: Context<AppEnv>): RouteRule | null {
  const route = matchedRoutes(c).find(({ method }) => method !== 'ALL');
  return route === undefined ? null : ruleOf(c.req.method, route.path);
}

/**
 * draft-ietf-httpapi-ratelimit-headers-10: the quota (q) and its window in seconds (w); what is
 * left of the quota (r), and after how many seconds it is full again (t).
 */
function setRateLimitHeaders(
  c: Context<AppEnv>,
  { budget, perMinute, left, fullInS }: BudgetUse,
): void {
  c.header('RateLimit-Policy', `"${budget}";q=${perMinute};w=60`);
  c.header('RateLimit', `"${budget}";r=${left};t=${fullInS}`);
}

function callerOf(c: Context<AppEnv>): Caller {
  // Absent when a test calls the app in process.
  const { incoming }: Partial<HttpBindings> = c.env ?? {};
  return { socketAddress: incoming?.socket.remoteAddress, header: (name) => c.req.header(name) };
}
