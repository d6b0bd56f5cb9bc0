// Liveness asks nothing of others; readiness names what is missing; /health shows the whole picture.
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from '../app-env.ts';
import { causesOfUnreadiness, storeCheck } from '../health.ts';
import { ProblemError } from '../middleware/problem.ts';
import type { Services } from '../services.ts';
import { answer, problem } from './schemas.ts';

const liveSchema = z.object({ status: z.literal('alive') });
const readySchema = z.object({ status: z.literal('ready') });
const causeSchema = z.object({ component: z.enum(['source', 'store', 'runners']), message: z.string() });

const healthSchema = z.object({
  status: z.enum(['ok', 'degraded']),
  causes: z.array(causeSchema),
  started_at: z.iso.datetime(),
  uptime_seconds: z.number(),
  source: z.object({ kind: z.string(), trouble: z.string().nullable(), lag: z.int(), unsettled: z.int() }),
  store: z.object({ kind: z.string(), trouble: z.string().nullable(), latency_ms: z.number() }),
  runners: z.object({ connected: z.int(), ready: z.int() }),
  dead_letters: z.object({ kind: z.string(), open: z.int() }),
});

const liveRoute = (path: string) => createRoute({ method: 'get', path, summary: 'The process answers', responses: { 200: answer('Alive.', liveSchema) } });
const readyRoute = (path: string) => createRoute({
  method: 'get', path, summary: 'Events can be taken in, embedded, stored and found',
  responses: { 200: answer('Ready.', readySchema), 503: problem('Not ready; `causes` names each part.') },
});
const healthRoute = createRoute({ method: 'get', path: '/health', summary: 'The whole picture', responses: { 200: answer('Also when degraded.', healthSchema) } });

export function healthRoutes(app: OpenAPIHono<AppEnv>, services: Services): void {
  for (const path of ['/livez', '/health/live']) app.openapi(liveRoute(path), (c) => c.json({ status: 'alive' as const }, 200));

  for (const path of ['/readyz', '/health/ready']) {
    app.openapi(readyRoute(path), async (c) => {
      const causes = await causesOfUnreadiness(services);
      if (causes.length === 0) return c.json({ status: 'ready' as const }, 200);
      const detail = causes.map(({ component, message }) => `${component}: ${message}`).join('; ');
      throw new ProblemError({ status: 503, code: 'not_ready', detail, retryAfter: 1, more: { causes } });
    });
  }

  app.openapi(healthRoute, async (c) => {
    const { source, store, deadLetters, startedAt, clock } = services;
    const [causes, check, lag, letters] = await Promise.all([causesOfUnreadiness(services), storeCheck(services), source.lag(), deadLetters.stats()]);
    const runners = services.runners();
    return c.json({
      status: causes.length === 0 ? 'ok' as const : 'degraded' as const,
      causes: [...causes],
      started_at: new Date(startedAt).toISOString(),
      uptime_seconds: Math.round((clock.now() - startedAt) / 1000),
      source: { kind: source.kind, trouble: source.health(), lag: lag.reduce((sum, entry) => sum + entry.lag, 0), unsettled: source.unsettled() },
      store: { kind: store.kind, trouble: check.message, latency_ms: check.latencyMs },
      runners: { connected: runners.length, ready: runners.filter(({ state }) => state === 'ready').length },
      dead_letters: { kind: deadLetters.kind, open: letters.byState.open },
    }, 200);
  });
}
