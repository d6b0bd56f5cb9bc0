// Counts and times every request under the route that answers it.

import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import type { Clock } from '#core/ports.ts';
import type { Telemetry } from '../../telemetry/metrics/metrics.ts';
import type { AppEnv } from '../app-env.ts';

export function countRequests(
  telemetry: Pick<Telemetry, 'requests'>,
  clock: Clock,
): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAt = clock.monotonic();
    await next();
    const route = matchedRoutes(c).find(({ method }) => method !== 'ALL');
    telemetry.requests.answered(
      route === undefined ? 'none' : routeName(route.method, route.path),
      c.res.status,
      (clock.monotonic() - startedAt) / 1000,
    );
  });
}

/** `GET /events/:id` → `GET /events/{id}`. */
export const routeName = (method: string, path: string): string =>
  `${method} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`;
