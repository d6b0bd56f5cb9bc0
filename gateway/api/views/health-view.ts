// The health of this gateway, part by part, as GET /health, its subpaths and the live feed show it.

import { z } from '@hono/zod-openapi';
import { verifiers } from '#core/fleet/verifiers.ts';
import { circuitStates } from '../../telemetry/metrics/metrics.ts';
import type { Services } from '../services.ts';
import {
  causeCodes,
  causeComponents,
  causesOf,
  connectedOf,
  noReadyRunner,
  severities,
} from './readiness.ts';

export const causeSchema = z.object({
  component: z.enum(causeComponents),
  message: z.string(),
  code: z.enum(causeCodes).optional().openapi({
    description: 'Present for a cause that programs may want to tell from others.',
  }),
});
const status = z.enum(['ok', 'down']);
const trouble = z.string().nullable();
const latency = z.number().openapi({
  description: 'How long its last answer took, or how long one was awaited (milliseconds).',
});
const circuit = z
  .enum(circuitStates)
  .openapi({ description: 'open: calls to it failed, and no calls are made for a while.' });

export const sourceHealthSchema = z.object({
  status,
  kind: z.enum(['kafka', 'embedded', 'memory']),
  trouble,
  latency_ms: latency,
  lag: z
    .int()
    .nullable()
    .openapi({ description: 'Records after the last commit; the last known number.' }),
  topics: z.array(
    z.object({
      topic: z.string(),
      lag: z.int(),
      lag_seconds: z.number().nullable().openapi({
        description: 'Age of the newest record worked off while others wait; 0 when none waits.',
      }),
    }),
  ),
  partitions: z.array(z.object({ topic: z.string(), partition: z.int(), lag: z.int() })),
  unsettled: z.int(),
});
export const storeHealthSchema = z.object({
  status,
  kind: z.enum(['qdrant', 'embedded', 'memory']),
  trouble,
  latency_ms: latency,
  circuit,
  texts: z.int().nullable(),
  events: z.int().nullable(),
});
export const runnersHealthSchema = z.object({
  status,
  trouble,
  connected: z.int(),
  ready: z.int(),
  texts_per_second: z.number(),
  checked_by: z.enum(verifiers).openapi({
    description:
      'Who verifies the vectors of untrusted runners. agreement: no trusted runner is ready, and ' +
      'those with different tokens check each other. nobody: there are too few for that.',
  }),
  last_check: z
    .object({ device: z.string(), cosine: z.number(), at: z.iso.datetime() })
    .nullable()
    .openapi({
      description:
        'The last golden check of a runner that is not quarantined: mean cosine to the reference.',
    }),
});
const deadLettersHealthSchema = z.object({
  status,
  kind: z.enum(['kafka', 'embedded', 'memory']),
  trouble,
  latency_ms: latency,
  circuit,
  open: z.int().nullable(),
  oldest_open_at: z.iso
    .datetime()
    .nullable()
    .openapi({ description: 'When the oldest open dead letter failed; null: none is open.' }),
});

export const healthSchema = z
  .object({
    status: z.enum(['ok', 'degraded']),
    causes: z.array(
      causeSchema.extend({
        severity: z.enum(severities).openapi({
          description: 'outage: the part does not do its work. warning: somebody should look.',
        }),
      }),
    ),
    started_at: z.iso.datetime(),
    uptime_seconds: z.number(),
    source: sourceHealthSchema,
    store: storeHealthSchema,
    runners: runnersHealthSchema,
    dead_letters: deadLettersHealthSchema,
  })
  .openapi('Health', {
    example: {
      status: 'ok',
      causes: [],
      started_at: '2026-01-31T11:58:00.000Z',
      uptime_seconds: 120,
      source: {
        status: 'ok',
        kind: 'embedded',
        trouble: null,
        latency_ms: 0.4,
        lag: 0,
        topics: [{ topic: 'ecommerce-events', lag: 0, lag_seconds: 0 }],
        partitions: [{ topic: 'ecommerce-events', partition: 0, lag: 0 }],
        unsettled: 0,
      },
      store: {
        status: 'ok',
        kind: 'embedded',
        trouble: null,
        latency_ms: 0.6,
        circuit: 'closed',
        texts: 1625,
        events: 9990,
      },
      runners: {
        status: 'ok',
        trouble: null,
        connected: 2,
        ready: 2,
        texts_per_second: 1624,
        checked_by: 'trusted',
        last_check: { device: 'cpu', cosine: 0.998, at: '2026-01-31T11:59:58.000Z' },
      },
      dead_letters: {
        status: 'ok',
        kind: 'embedded',
        trouble: null,
        latency_ms: 0.3,
        circuit: 'closed',
        open: 10,
        oldest_open_at: '2026-01-31T09:12:00.000Z',
      },
    },
  });

export type HealthView = z.infer<typeof healthSchema>;

const state = (message: string | null) => ({
  status: message === null ? ('ok' as const) : ('down' as const),
  trouble: message,
});

export async function sourceHealth({
  source,
  gauges,
  telemetry,
  clock,
}: Services): Promise<z.infer<typeof sourceHealthSchema>> {
  const lag = await gauges.lag();
  // The last answer of a dead broker says nothing of the time.
  const now = lag.trouble === null ? (lag.value ?? []) : [];
  const topics = telemetry.lagAges.lags(now, clock.now());
  return {
    ...state(source.health() ?? lag.trouble),
    kind: source.kind,
    latency_ms: lag.latencyMs,
    lag: lag.value?.reduce((sum, entry) => sum + entry.lag, 0) ?? null,
    topics: topics.map(({ seconds, ...each }) => ({ ...each, lag_seconds: seconds })),
    partitions: [...(lag.value ?? [])],
    unsettled: source.unsettled(),
  };
}

export async function storeHealth({
  store,
  gauges,
  telemetry,
}: Services): Promise<z.infer<typeof storeHealthSchema>> {
  const [works, counts] = await Promise.all([gauges.storeWorks(), gauges.counts()]);
  return {
    ...state(works.trouble),
    kind: store.kind,
    latency_ms: works.latencyMs,
    circuit: telemetry.circuitOf('store'),
    texts: counts.value?.texts ?? null,
    events: counts.value?.events ?? null,
  };
}

export function runnersHealth({
  runners,
  fleet,
  telemetry,
}: Services): z.infer<typeof runnersHealthSchema> {
  const connected = connectedOf(runners());
  const ready = connected.filter((runner) => runner.state === 'ready');
  const { lastCheck } = telemetry;
  return {
    ...state(ready.length > 0 ? null : noReadyRunner(connected.length)),
    connected: connected.length,
    ready: ready.length,
    texts_per_second:
      Math.round(10 * ready.reduce((sum, { textsPerSecond }) => sum + textsPerSecond, 0)) / 10,
    checked_by: fleet().checkedBy,
    last_check: lastCheck && {
      device: lastCheck.device,
      cosine: lastCheck.cosine,
      at: new Date(lastCheck.at).toISOString(),
    },
  };
}

export async function healthOf(services: Services): Promise<HealthView> {
  const { deadLetters, gauges, telemetry, startedAt, clock } = services;
  const [causes, source, store, queue] = await Promise.all([
    causesOf(services),
    sourceHealth(services),
    storeHealth(services),
    gauges.deadLetters(),
  ]);
  return {
    status: causes.length === 0 ? 'ok' : 'degraded',
    causes: [...causes],
    started_at: new Date(startedAt).toISOString(),
    uptime_seconds: Math.round((clock.now() - startedAt) / 1000),
    source,
    store,
    runners: runnersHealth(services),
    dead_letters: {
      ...state(queue.trouble),
      kind: deadLetters.kind,
      latency_ms: queue.latencyMs,
      circuit: telemetry.circuitOf('dead_letters'),
      open: queue.value?.byState.open ?? null,
      oldest_open_at: timeOrNull(queue.value?.oldestOpenAt),
    },
  };
}

const timeOrNull = (at: number | null | undefined): string | null =>
  at === null || at === undefined ? null : new Date(at).toISOString();
