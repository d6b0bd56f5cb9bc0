// What this gateway has done since it started, and what the index holds, as GET /stats and the live
// feed show it.

import { z } from '@hono/zod-openapi';
import { runnerStates } from '#core/fleet/runner-state.ts';
import { devices } from '#core/model/model-manifest.ts';
import type { RunnerView as ConnectedRunner } from '../../fleet/hub-types.ts';
import type { GeneratorState } from '../../ingest/parent-generator.ts';
import type { Services } from '../services.ts';

const exampleRunner = {
  id: '3f0d1c8e-1a63-4a57-9a51-b8f0f3a1f6c2',
  name: 'box-1',
  kind: 'node' as const,
  device: 'cpu' as const,
  dtype: 'q8',
  adapter: 'Some CPU',
  software_adapter: false,
  version: '0.1.0',
  address: null,
  state: 'ready' as const,
  trusted: true,
  proof: { agreed: 0, needed: 79 },
  in_probation: false,
  last_check: null,
  texts_per_second: 812,
  texts_embedded: 1625,
  jobs_in_work: 2,
  connected_at: '2026-01-31T11:59:00.000Z',
  reference_cosine: 0.998,
  join_token: null,
  quarantine: null,
};

export const runnerSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(['node', 'browser']),
    device: z.enum(devices),
    dtype: z.string(),
    adapter: z.string(),
    software_adapter: z.boolean(),
    version: z
      .string()
      .nullable()
      .openapi({ description: 'Of its program; null: an older one does not say.' }),
    address: z.string().nullable().openapi({
      description: 'Its network address; only in /runners, for a key with the scope admin.',
    }),
    state: z.enum(runnerStates),
    trusted: z.boolean().openapi({
      description:
        'Whether its vectors verify those of others: it was started by this gateway, or joined ' +
        'by VECTORSTREAM_TRUSTED_RUNNER_TOKEN.',
    }),
    proof: z
      .object({
        agreed: z.int().openapi({ description: 'Texts that were checked and right.' }),
        needed: z.int().openapi({ description: 'The number that proves the runner.' }),
      })
      .openapi({
        description:
          'Texts that a trusted runner embedded again and found right, of those that prove an ' +
          'untrusted runner. Until then it gets small jobs, and each waits for its checks.',
      }),
    in_probation: z.boolean().openapi({
      description:
        'Whether it works, and is not proven yet: each of its jobs waits for its checks.',
    }),
    last_check: z
      .object({
        at: z.iso.datetime(),
        by: z.array(z.string()).openapi({
          description: 'Names of the runners that embedded a text of its work again.',
        }),
        result: z.enum(['agreed', 'differed', 'disputed']),
        cosine: z.number().openapi({
          description: 'The least cosine between its vector and theirs.',
        }),
      })
      .nullable()
      .openapi({
        description: 'The last check of its work by others; null for a trusted runner.',
      }),
    texts_per_second: z.number(),
    texts_embedded: z.int(),
    jobs_in_work: z.int(),
    connected_at: z.iso.datetime(),
    reference_cosine: z.number().nullable().openapi({
      description: 'Mean cosine to the reference over all golden texts at the last check.',
    }),
    join_token: z
      .string()
      .nullable()
      .openapi({ description: 'Id of the join token with which it joined.' }),
    quarantine: z
      .object({ reason: z.string(), until: z.iso.datetime() })
      .nullable()
      .openapi({ description: 'Why it was quarantined, and until when.' }),
  })
  .openapi('Runner', { example: exampleRunner });

export type RunnerView = z.infer<typeof runnerSchema>;

const asOf = z.iso.datetime().openapi({
  description: 'When it was counted: a time in the past while that part does not answer.',
});

export const statsSchema = z
  .object({
    started_at: z.iso.datetime(),
    events: z
      .object({
        received: z.int(),
        stored: z.int(),
        superseded: z.int(),
        dead_lettered: z.int(),
        unsettled: z.int(),
        lag: z.int().nullable(),
      })
      .openapi({
        description:
          'stored includes superseded: these events were already stored, in the same or a newer ' +
          'version. lag is the last known number; null when none is known.',
      }),
    latency_ms: z
      .object({ p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() })
      .openapi({
        description:
          "The time from the record's timestamp until it is searchable; quantiles within 2 %.",
      }),
    texts: z.object({
      unique_seen: z.int(),
      embedded: z.int(),
      cache_hits: z.int(),
      cache_misses: z.int(),
    }),
    store: z.object({ texts: z.int(), events: z.int(), as_of: asOf }).nullable().openapi({
      description: 'Counts of the whole index. null if the store has not answered since the start.',
    }),
    dead_letters: z
      .object({ open: z.int(), as_of: asOf })
      .nullable()
      .openapi({ description: 'null if the queue has not answered since the start.' }),
    runners: z.array(runnerSchema),
    memory: z.object({ rss_bytes: z.int() }),
    generator: z
      .object({
        running: z.boolean(),
        events_per_second: z.number(),
        sent: z.int().openapi({ description: 'Events since the demo has stored its own.' }),
      })
      .nullable()
      .openapi({
        description: 'Generated events; null in a gateway that npm run demo did not start.',
      }),
  })
  .openapi('Stats', {
    example: {
      started_at: '2026-01-31T11:58:00.000Z',
      events: {
        received: 10_000,
        stored: 9_990,
        superseded: 0,
        dead_lettered: 10,
        unsettled: 0,
        lag: 0,
      },
      latency_ms: { p50: 41.2, p95: 180, p99: 260, max: 312.5 },
      texts: { unique_seen: 1625, embedded: 1625, cache_hits: 8365, cache_misses: 1625 },
      store: { texts: 1625, events: 9990, as_of: '2026-01-31T12:00:00.000Z' },
      dead_letters: { open: 10, as_of: '2026-01-31T12:00:00.000Z' },
      runners: [exampleRunner],
      memory: { rss_bytes: 150_000_000 },
      generator: null,
    },
  });

export type StatsView = z.infer<typeof statsSchema>;

export async function statsOf({
  gauges,
  source,
  telemetry,
  startedAt,
  runners,
  generator,
}: Services): Promise<StatsView> {
  const [lag, counts, queue] = await Promise.all([
    gauges.lag(),
    gauges.counts(),
    gauges.deadLetters(),
  ]);
  const [totals, latency] = [telemetry.totals(), telemetry.latencies.summary()];
  const { hit, shared, store: found, miss } = totals.cache;
  return {
    started_at: new Date(startedAt).toISOString(),
    events: {
      received: totals.received,
      stored: totals.stored,
      superseded: totals.superseded,
      dead_lettered: totals.deadLettered,
      unsettled: source.unsettled(),
      lag: lag.value?.reduce((sum, entry) => sum + entry.lag, 0) ?? null,
    },
    latency_ms: {
      p50: rounded(latency.p50),
      p95: rounded(latency.p95),
      p99: rounded(latency.p99),
      max: rounded(latency.max),
    },
    texts: {
      unique_seen: found + miss,
      embedded: totals.embedded,
      cache_hits: hit + shared + found,
      cache_misses: miss,
    },
    store: counts.value && {
      texts: counts.value.texts,
      events: counts.value.events,
      as_of: new Date(counts.at).toISOString(),
    },
    dead_letters: queue.value && {
      open: queue.value.byState.open,
      as_of: new Date(queue.at).toISOString(),
    },
    runners: runners().map(runnerOf),
    memory: { rss_bytes: process.memoryUsage.rss() },
    generator: generatorView(generator.state()),
  };
}

const generatorView = (state: GeneratorState | null): StatsView['generator'] =>
  state && {
    running: state.running,
    events_per_second: state.eventsPerSecond,
    sent: state.sent,
  };

export const runnerOf = (runner: ConnectedRunner): RunnerView => ({
  id: runner.id,
  name: runner.name,
  kind: runner.kind,
  device: runner.device,
  dtype: runner.dtype,
  adapter: runner.adapter,
  software_adapter: runner.softwareAdapter,
  version: runner.version,
  address: null,
  state: runner.state,
  trusted: runner.trusted,
  proof: runner.proof,
  in_probation: runner.inProbation,
  last_check: runner.lastCheck && {
    ...runner.lastCheck,
    at: new Date(runner.lastCheck.at).toISOString(),
    by: [...runner.lastCheck.by],
  },
  texts_per_second: Math.round(10 * runner.textsPerSecond) / 10,
  texts_embedded: runner.textsEmbedded,
  jobs_in_work: runner.jobsInWork,
  connected_at: new Date(runner.connectedAt).toISOString(),
  reference_cosine: runner.lastGoldenCosine,
  join_token: runner.tokenId,
  quarantine:
    runner.quarantine === null
      ? null
      : {
          reason: runner.quarantine.reason,
          until: new Date(runner.quarantine.until).toISOString(),
        },
});

const rounded = (ms: number): number => Math.round(ms * 100) / 100;
