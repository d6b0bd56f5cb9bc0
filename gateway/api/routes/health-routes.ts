// Liveness depends on no other part; readiness names what is missing; /health and its subpaths show
// everything.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import {
  causeSchema,
  healthOf,
  healthSchema,
  runnersHealth,
  runnersHealthSchema,
  sourceHealth,
  sourceHealthSchema,
  storeHealth,
  storeHealthSchema,
} from '../views/health-view.ts';
import { causesOfUnreadiness, purposes, warningsOf } from '../views/readiness.ts';
import { systemOf, systemSchema, SystemWatch } from '../views/system-view.ts';
import { answer, problem } from './schemas.ts';

const liveSchema = z.object({ status: z.literal('alive') });
const readySchema = z.object({
  status: z.literal('ready'),
  warnings: z
    .array(causeSchema)
    .openapi({ description: 'What is wrong although the gateway is ready.' }),
});
const readyQuery = z.strictObject({
  for: z
    .enum(purposes)
    .optional()
    .openapi({
      description:
        'intake: events can be taken and kept (log, disk). search: queries can be answered ' +
        '(store, runners). Without it: both.',
    }),
});
const startedSchema = z.object({ status: z.literal('started'), started_at: z.iso.datetime() });
const notUsed = z.object({
  status: z.literal('not_used'),
  kind: z.string().openapi({ description: 'What is used instead.' }),
});

const liveRoute = (path: string) =>
  createRoute({
    method: 'get',
    path,
    summary: 'The process answers',
    responses: { 200: answer('Alive.', liveSchema, { status: 'alive' }) },
  });
const readyRoute = (path: string) =>
  createRoute({
    method: 'get',
    path,
    summary: 'Whether events can be taken, and searches answered',
    description:
      'A load balancer that sends events asks for intake, and one that sends searches asks for ' +
      'search: the loss of all runners, or of the store, does not stop the intake.',
    request: { query: readyQuery },
    responses: {
      200: answer('Ready.', readySchema, { status: 'ready', warnings: [] }),
      503: problem('Not ready; `causes` names each part.'),
    },
  });
const startedRoute = createRoute({
  method: 'get',
  path: '/startupz',
  summary: 'Whether the start is complete: model, log and store are open',
  description: 'The gateway does not answer at all before its start is complete.',
  responses: {
    200: answer('Started.', startedSchema, {
      status: 'started',
      started_at: '2026-01-31T11:58:00.000Z',
    }),
  },
});
const healthRoute = createRoute({
  method: 'get',
  path: '/health',
  summary: 'The whole picture',
  responses: { 200: answer('Also when degraded.', healthSchema) },
});

const partRoute = <P extends string, S extends z.ZodType>(
  path: P,
  summary: string,
  schema: S,
  example: z.input<S>,
) =>
  createRoute({
    method: 'get',
    path,
    summary,
    responses: {
      200: answer('It works, or is not used here.', schema, example),
      503: problem('It does not work; the document has the same members as the answer.'),
    },
  });
const kafkaRoute = partRoute(
  '/health/kafka',
  'Kafka as the source of events',
  z.union([sourceHealthSchema, notUsed]),
  { status: 'not_used', kind: 'embedded' },
);
const qdrantRoute = partRoute(
  '/health/qdrant',
  'Qdrant as the store',
  z.union([storeHealthSchema, notUsed]),
  { status: 'not_used', kind: 'embedded' },
);
const runnersRoute = partRoute(
  '/health/runners',
  'Whether a runner is ready',
  runnersHealthSchema,
  {
    status: 'ok',
    trouble: null,
    connected: 2,
    ready: 2,
    texts_per_second: 1624,
    checked_by: 'trusted',
    last_check: { device: 'cpu', cosine: 0.998, at: '2026-01-31T11:59:58.000Z' },
  },
);
const systemHealthRoute = createRoute({
  method: 'get',
  path: '/health/system',
  summary: 'Whether the process has enough resources: event loop, memory, disk, file handles',
  responses: {
    200: answer('It has.', systemSchema),
    503: problem(
      'It has not; `causes` says which. The document has the same members as the answer.',
    ),
  },
});
const systemRoute = createRoute({
  method: 'get',
  path: '/system',
  summary: 'The process and its machine',
  responses: {
    200: answer('The present state; delays and collections of the last minute.', systemSchema),
  },
});

export function healthRoutes(app: OpenAPIHono<AppEnv>, services: Services): void {
  const { source, store, startedAt, config, disk, clock } = services;
  const watch = new SystemWatch();
  const system = () =>
    systemOf({
      watch,
      diskSpace: disk,
      dataDir: config.gateway.dataDir,
      startedAt,
      now: clock.now(),
    });

  for (const path of ['/livez', '/health/live'])
    app.openapi(liveRoute(path), (c) => c.json({ status: 'alive' as const }, 200));
  app.openapi(startedRoute, (c) =>
    c.json({ status: 'started' as const, started_at: new Date(startedAt).toISOString() }, 200),
  );

  for (const path of ['/readyz', '/health/ready']) {
    app.openapi(readyRoute(path), async (c) => {
      const causes = await causesOfUnreadiness(services, c.req.valid('query').for ?? null);
      if (causes.length === 0)
        return c.json({ status: 'ready' as const, warnings: [...warningsOf(services)] }, 200);
      const detail = causes.map(({ component, message }) => `${component}: ${message}`).join('; ');
      throw new ProblemError({
        status: 503,
        code: 'not_ready',
        detail,
        retryAfter: 1,
        more: { causes },
      });
    });
  }

  app.openapi(healthRoute, async (c) => c.json(await healthOf(services), 200));
  app.openapi(kafkaRoute, async (c) =>
    c.json(
      source.kind === 'kafka'
        ? up('kafka', await sourceHealth(services))
        : { status: 'not_used' as const, kind: source.kind },
      200,
    ),
  );
  app.openapi(qdrantRoute, async (c) =>
    c.json(
      store.kind === 'qdrant'
        ? up('qdrant', await storeHealth(services))
        : { status: 'not_used' as const, kind: store.kind },
      200,
    ),
  );
  app.openapi(runnersRoute, (c) => c.json(up('runners', runnersHealth(services)), 200));
  app.openapi(systemHealthRoute, async (c) => {
    const seen = await system();
    if (seen.status === 'ok') return c.json(seen, 200);
    throw new ProblemError({
      status: 503,
      code: 'system_strained',
      detail: seen.causes.join('; '),
      retryAfter: 5,
      more: withoutStatus(seen),
    });
  });
  app.openapi(systemRoute, async (c) => c.json(await system(), 200));
}

/** @throws ProblemError (503) when it is down. */
function up<T extends { readonly status: string; readonly trouble: string | null }>(
  part: string,
  seen: T,
): T {
  if (seen.trouble === null) return seen;
  throw new ProblemError({
    status: 503,
    code: `${part}_down`,
    detail: `${part}: ${seen.trouble}`,
    retryAfter: 2,
    more: withoutStatus(seen),
  });
}

/** The document's own `status` is the answer's number. */
function withoutStatus(seen: { readonly status: string }): Record<string, unknown> {
  return Object.fromEntries(Object.entries(seen).filter(([name]) => name !== 'status'));
}
