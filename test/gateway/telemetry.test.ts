// Quantiles, metrics and log lines: right figures, every series from the start, and no secret.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownEventTypes } from '#core/event/event-types.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { Delivery } from '#core/ports.ts';
import { StoredVersions } from '../../gateway/ingest/stored-versions.ts';
import { Live } from '../../gateway/live/live.ts';
import { pipelineObserver } from '../../gateway/startup/observers.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { LagAge } from '../../gateway/telemetry/lag-age.ts';
import { LatencyHistogram } from '../../gateway/telemetry/latency-histogram.ts';
import { Telemetry } from '../../gateway/telemetry/metrics/metrics.ts';
import { eventRecord } from '../conformance/store-records.ts';
import { quiet } from '../deploy/quiet-gateway.ts';

test('a quantile is within 2 % of the true one, and the longest is exact', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.011, max: 1e8, noNaN: true }), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.5, 0.95, 0.99),
      (durations, q) => {
        const histogram = new LatencyHistogram();
        for (const ms of durations) histogram.record(ms);
        const exact =
          durations.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(q * durations.length) - 1)] ??
          0;
        expect(Math.abs(histogram.quantile(q) - exact)).toBeLessThanOrEqual(exact * 0.0200001);
        expect(histogram.summary().max).toBe(Math.max(...durations));
      },
    ),
  );
  expect(new LatencyHistogram().summary()).toEqual({ p50: 0, p95: 0, p99: 0, max: 0 });
});

test('every series with bounded labels exists from the start, at 0', async () => {
  const { body } = await new Telemetry().exposition(quiet);
  for (const line of [
    'vectorstream_events_received_total 0',
    'vectorstream_events_stored_total 0',
    'vectorstream_events_dead_lettered_total{reason="not_json"} 0',
    'vectorstream_events_dead_lettered_total{reason="store_rejected"} 0',
    'vectorstream_event_to_searchable_seconds_count 0',
    'vectorstream_consumer_lag{partition="0",topic="ecommerce-events"} 0',
    'vectorstream_unsettled_events 0',
    'vectorstream_texts_embedded_total{device="webgpu"} 0',
    'vectorstream_cache_requests_total{result="shared"} 0',
    'vectorstream_embedding_job_seconds_count{device="cpu"} 0',
    'vectorstream_runner_count{device="cpu",state="ready"} 0',
    'vectorstream_runner_reference_cosine{device="wasm"} 0',
    'vectorstream_store_write_seconds_count 0',
    'vectorstream_circuit_state{dependency="store"} 0',
    'vectorstream_retries_total{dependency="store"} 0',
    'vectorstream_dead_letters{state="open"} 0',
  ])
    expect(body).toContain(`${line}\n`);
  expect(body).toContain('process_resident_memory_bytes');
});

test('requests count under their route, and an unknown path creates no series', async () => {
  const telemetry = new Telemetry();
  const { requests } = telemetry;
  requests.routes(['POST /search', 'GET /events/{id}']);
  requests.answered('POST /search', 200, 0.1);
  requests.searched(0.02, 0.06, 3);
  requests.searched(0.02, 0.06, 0);
  requests.answered('POST /search', 503, 2);
  requests.answered('GET /made/up', 404, 0.001);
  const { body } = await telemetry.exposition(quiet);
  for (const line of [
    'http_requests_total{route="POST /search",status="2xx"} 1',
    'http_requests_total{route="POST /search",status="5xx"} 1',
    'http_requests_total{route="GET /events/{id}",status="2xx"} 0',
    'http_requests_total{route="none",status="4xx"} 1',
    'http_request_seconds_count{route="POST /search"} 2',
    'searches_total{result="hits"} 1',
    'searches_total{result="none"} 1',
    'searches_total{result="unavailable"} 1',
    'searches_total{result="failed"} 0',
    'search_seconds_count{stage="embed"} 2',
  ])
    expect(body).toContain(`vectorstream_${line}\n`);
  expect(body).not.toContain('made/up');
});

test('what is not known has no series: lag, its age, the certificate', async () => {
  const telemetry = new Telemetry();
  const known = {
    ...quiet,
    topicLags: [{ topic: 'events', lag: 1, seconds: 3 }],
    certificateExpiresAt: 5_000,
  };
  const unknown = { ...quiet, lag: null, topicLags: [] };
  const names = /^vectorstream_(consumer_lag|consumer_lag_seconds|certificate_expiry\w+)[ {]/gm;
  expect((await telemetry.exposition(known)).body.match(names)).toHaveLength(3);
  expect((await telemetry.exposition(unknown)).body.match(names)).toBeNull();
});

test('lag in time is the age of what was worked off last, and none once caught up', () => {
  const age = new LagAge();
  expect(age.seconds(5, 10_000)).toBeNull();
  age.reached(4_000);
  age.reached(3_000);
  expect(age.seconds(5, 10_000)).toBe(6);
  expect(age.seconds(null, 10_000)).toBeNull();
  expect(age.seconds(0, 20_000)).toBe(0);
  // After a quiet hour a new record is not an hour late.
  expect(age.seconds(1, 22_000)).toBe(2);
});

test('metrics and totals both count what happened', async () => {
  const telemetry = new Telemetry();
  telemetry.received(5);
  telemetry.stored(0.25);
  telemetry.stored(0.5);
  telemetry.superseded();
  telemetry.records.changed(['numeric_id', 'unix_time', 'numeric_id']);
  telemetry.deadLettered({ reason: 'too_large' });
  telemetry.cacheRequest('miss');
  telemetry.job('cpu', 0.5, 2);
  telemetry.circuit('store', 'open');
  telemetry.retried('a name that no list has');
  expect(telemetry.totals()).toEqual({
    received: 5,
    stored: 2,
    superseded: 1,
    deadLettered: 1,
    embedded: 2,
    cache: { hit: 0, shared: 0, store: 0, miss: 1 },
  });
  const { body } = await telemetry.exposition({
    ...quiet,
    unsettled: 2,
    quarantines: 3,
    runners: [
      {
        id: 'a',
        name: 'a',
        device: 'cpu',
        state: 'ready',
        inProbation: true,
        textsPerSecond: 1,
        textsEmbedded: 2,
      },
    ],
  });
  for (const line of [
    'events_received_total 5',
    'events_stored_total 2',
    'events_dead_lettered_total{reason="too_large"} 1',
    'event_changes_total{kind="numeric_id"} 2',
    'event_changes_total{kind="camel_case"} 0',
    'circuit_state{dependency="store"} 2',
    'unsettled_events 2',
    'runner_count{device="cpu",state="ready"} 1',
    'runners_in_probation 1',
    'runner_quarantines 3',
    'retries_total{dependency="other"} 1',
  ])
    expect(body).toContain(`vectorstream_${line}\n`);
});

test('a secret does not reach the log, by name or inside another text', () => {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    secrets: new Set(['s3cret-"token']),
    destination: { write: (line) => lines.push(line) },
  });
  log.info(
    {
      authorization: 'Bearer x-y-z',
      headers: { 'x-api-key': 'x-y-z' },
      runner: { hello: { token: 'x-y-z' } },
      request_id: 'r-1',
    },
    'joined',
  );
  log
    .child({ job_id: 'j-1' })
    .error({ err: new Error('401 from ws://host/?token=s3cret-"token') }, 'refused s3cret-"token');
  const text = lines.join('');
  expect(text).not.toContain('x-y-z');
  expect(text).not.toContain('s3cret');
  expect(text.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(5);
  expect(text).toContain('"request_id":"r-1"');
  expect(text).toContain('"job_id":"j-1"');
});

test('an event can be followed by its id and its request from level trace on', () => {
  const lines: string[] = [];
  const stored = (level: 'trace' | 'debug') => {
    const log = createLog({
      level,
      format: 'json',
      secrets: new Set(),
      destination: { write: (line) => lines.push(line) },
    });
    const delivery: Delivery = {
      position: { topic: 'events', partition: 1, offset: 7 },
      headers: { 'x-request-id': new TextEncoder().encode('r-1') },
      key: null,
      value: new Uint8Array(),
      timestamp: 0,
      settle: () => undefined,
    };
    pipelineObserver({
      telemetry: new Telemetry(),
      live: new Live(new ManualClock(), 1),
      versions: new StoredVersions(),
      timestamps: { add: () => undefined },
      eventTypes: ownEventTypes,
      erasures: { cameAgain: () => undefined },
      log,
    }).stored(0.1, { ...eventRecord(1).event, eventId: 'e-1' }, delivery);
  };
  stored('debug');
  expect(lines).toEqual([]);
  stored('trace');
  expect(JSON.parse(lines.join(''))).toMatchObject({
    event_id: 'e-1',
    request_id: 'r-1',
    origin: { partition: 1, offset: 7 },
    msg: 'stored',
  });
});

test('a person at a terminal gets lines to read', () => {
  const lines: string[] = [];
  createLog({
    level: 'info',
    format: 'pretty',
    secrets: new Set(),
    destination: { write: (line) => lines.push(line) },
  }).info({ port: 8080 }, 'listening');
  expect(lines.join('')).toMatch(/INFO.*listening[\s\S]*port: 8080/);
});

test('no value can forge a line for a person, or hide in one', () => {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'pretty',
    secrets: new Set(),
    destination: { write: (line) => lines.push(line) },
  });
  const forged = 'guest\n[12:00:00.000] INFO: join token revoked\u001b[2K\u202e\u2028\u{e0041}';
  for (const name of ['name', 'caller', 'runner']) {
    lines.length = 0;
    log.info({ [name]: forged }, 'join token made');
    expect(
      lines
        .join('')
        .split('\n')
        .filter((line) => line.startsWith('[')),
    ).toHaveLength(1);
    expect(lines.join('')).toMatch(/\\u\{202e\}/);
    for (const character of ['\u001b', '\u202e', '\u2028', '\u{e0041}'])
      expect(lines.join('')).not.toContain(character);
  }
});
