// GET /stats, /metrics and /runners: what has happened since the start, and what is going on.
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { devices } from '#core/model-manifest.ts';
import type { AppEnv } from '../app-env.ts';
import type { RunnerView } from '../runner-hub/types.ts';
import type { Services } from '../services.ts';
import { runnerStates } from '../telemetry/metrics.ts';
import { answer } from './schemas.ts';

const runnerSchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['node', 'browser']),
  device: z.enum(devices),
  dtype: z.string(),
  adapter: z.string(),
  software_adapter: z.boolean(),
  state: z.enum(runnerStates),
  trusted: z.boolean().openapi({ description: 'Started by this gateway itself.' }),
  texts_per_second: z.number(),
  texts_embedded: z.int(),
  jobs_in_work: z.int(),
  connected_at: z.iso.datetime(),
  reference_cosine: z.number().nullable().openapi({ description: 'Mean cosine to the reference in the last golden check.' }),
}).openapi('Runner');

const statsSchema = z.object({
  started_at: z.iso.datetime(),
  events: z.object({ received: z.int(), stored: z.int(), superseded: z.int(), dead_lettered: z.int(), unsettled: z.int(), lag: z.int() })
    .openapi({ description: 'stored includes superseded: those were there already, in the same or a newer version.' }),
  latency_ms: z.object({ p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() }).openapi({ description: 'From the record\'s timestamp to searchable; quantiles within 2 %.' }),
  texts: z.object({ unique_seen: z.int(), embedded: z.int(), cache_hits: z.int(), cache_misses: z.int() }),
  store: z.object({ texts: z.int(), events: z.int() }),
  dead_letters: z.object({ open: z.int() }),
  runners: z.array(runnerSchema),
  memory: z.object({ rss_bytes: z.int() }),
}).openapi('Stats');

const statsRoute = createRoute({ method: 'get', path: '/stats', summary: 'Figures since this gateway started', responses: { 200: answer('store and dead_letters are totals of the index.', statsSchema) } });
const runnersRoute = createRoute({ method: 'get', path: '/runners', summary: 'The runners connected to this gateway', responses: { 200: answer('All of them.', z.object({ items: z.array(runnerSchema), next_cursor: z.null() })) } });
const metricsRoute = createRoute({ method: 'get', path: '/metrics', summary: 'Prometheus metrics', responses: { 200: { description: 'Text exposition format.', content: { 'text/plain': { schema: z.string() } } } } });

export function observeRoutes(app: OpenAPIHono<AppEnv>, services: Services): void {
  const { telemetry, source, store, deadLetters } = services;

  app.openapi(statsRoute, async (c) => {
    const [lag, counts, letters] = await Promise.all([source.lag(), store.counts(), deadLetters.stats()]);
    const [totals, latency] = [telemetry.totals(), telemetry.latency()];
    const { hit, shared, store: found, miss } = totals.cache;
    return c.json({
      started_at: new Date(services.startedAt).toISOString(),
      events: {
        received: totals.received, stored: totals.stored, superseded: totals.superseded, dead_lettered: totals.deadLettered,
        unsettled: source.unsettled(), lag: lag.reduce((sum, entry) => sum + entry.lag, 0),
      },
      latency_ms: { p50: rounded(latency.p50), p95: rounded(latency.p95), p99: rounded(latency.p99), max: rounded(latency.max) },
      texts: { unique_seen: found + miss, embedded: totals.embedded, cache_hits: hit + shared + found, cache_misses: miss },
      store: { texts: counts.texts, events: counts.events },
      dead_letters: { open: letters.byState.open },
      runners: services.runners().map(runnerOf),
      memory: { rss_bytes: process.memoryUsage.rss() },
    }, 200);
  });

  app.openapi(runnersRoute, (c) => c.json({ items: services.runners().map(runnerOf), next_cursor: null }, 200));

  app.openapi(metricsRoute, async (c) => {
    const [lag, letters] = await Promise.all([source.lag(), deadLetters.stats()]);
    const { contentType, body } = await telemetry.exposition({ lag, unsettled: source.unsettled(), runners: services.runners(), deadLetters: letters.byState });
    return c.text(body, 200, { 'Content-Type': contentType });
  });
}

const runnerOf = (runner: RunnerView): z.infer<typeof runnerSchema> => ({
  id: runner.id,
  name: runner.name,
  kind: runner.kind,
  device: runner.device,
  dtype: runner.dtype,
  adapter: runner.adapter,
  software_adapter: runner.softwareAdapter,
  state: runner.state,
  trusted: runner.trusted,
  texts_per_second: Math.round(runner.textsPerSecond),
  texts_embedded: runner.textsEmbedded,
  jobs_in_work: runner.jobsInWork,
  connected_at: new Date(runner.connectedAt).toISOString(),
  reference_cosine: runner.lastGoldenCosine,
});

const rounded = (ms: number): number => Math.round(ms * 100) / 100;
