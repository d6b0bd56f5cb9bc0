// The gateway's HTTP API on memory adapters and a scripted fleet, for tests that call it in
// process.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventTypesOf } from '#core/event/event-types.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { parseManifest } from '#core/model/model-manifest.ts';
import type {
  EmbeddingService,
  LogRecord,
  SearchRequest,
  StoredEvent,
  VectorStore,
} from '#core/ports.ts';
import { createClient, type VectorStreamClient } from '../../client/client.ts';
import type { AuditLine } from '../../gateway/access/audit-trail.ts';
import { Access } from '../../gateway/access/authorization.ts';
import { JoinTokens } from '../../gateway/access/join-tokens.ts';
import { fixedKeys } from '../../gateway/access/key-ring.ts';
import { checkRunnerToken } from '../../gateway/access/runner-admission.ts';
import { createApp } from '../../gateway/api/app.ts';
import type { Services } from '../../gateway/api/services.ts';
import { createGauges } from '../../gateway/api/views/gauges.ts';
import { liveFigures } from '../../gateway/api/views/live-figures.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { Erasures } from '../../gateway/erasure/erasures.ts';
import type { FleetStats, RunnerView } from '../../gateway/fleet/hub-types.ts';
import { QueryVectors } from '../../gateway/fleet/query-vectors.ts';
import {
  RequestEmbeddings,
  requestEmbeddingLimits,
} from '../../gateway/fleet/request-embeddings.ts';
import { noGenerator } from '../../gateway/ingest/parent-generator.ts';
import { StoredVersions } from '../../gateway/ingest/stored-versions.ts';
import { Live } from '../../gateway/live/live.ts';
import { FigureHistory } from '../../gateway/telemetry/figure-history.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { Telemetry } from '../../gateway/telemetry/metrics/metrics.ts';
import { createTimestampAlarm } from '../../gateway/telemetry/timestamp-alarm.ts';
import { loadedBlocks } from '../helpers/hub-parts.ts';
import { strictEmbedding, strictStore } from '../helpers/strict.ts';

const modelFolder = join(import.meta.dirname, '../../models/all-MiniLM-L6-v2');

export const apiKey = 'correct-horse-battery-staple';

export const runner: RunnerView = {
  id: 's-1',
  name: 'box-1',
  kind: 'node',
  device: 'cpu',
  dtype: 'q8',
  state: 'ready',
  textsPerSecond: 812.4,
  textsEmbedded: 3,
  adapter: 'some CPU',
  softwareAdapter: false,
  trusted: true,
  jobsInWork: 0,
  connectedAt: Date.UTC(2026, 0, 1),
  proof: { agreed: 0, needed: 79 },
  version: '0.1.0',
  address: '10.1.2.3',
  inProbation: false,
  lastCheck: null,
  lastGoldenCosine: 0.998,
  tokenId: null,
  quarantine: null,
};

/** Nothing waits, and nothing has happened. */
export const quietFleet: FleetStats = {
  checkedBy: 'trusted',
  waiting: 0,
  inWork: 0,
  held: 0,
  requeued: 0,
  late: 0,
  quarantined: 0,
};

export const storedEvent: StoredEvent = {
  id: '11111111-2222-5333-8444-555555555555',
  textId: 't-1',
  timestamp: Date.UTC(2026, 0, 1),
  ingestedAt: Date.UTC(2026, 0, 2),
  payload: '{"event_id":"e-1","extra":1}',
};

/** Records its requests; always finds the same event. */
export function scriptedStore(): VectorStore & { readonly searches: SearchRequest[] } {
  const searches: SearchRequest[] = [];
  return strictStore({
    kind: 'memory' as const,
    batchMax: { texts: 10, events: 10 },
    searches,
    provenanceStore: createMemoryStore().provenanceStore,
    erasureStore: createMemoryStore().erasureStore,
    runnerBlockStore: createMemoryStore().runnerBlockStore,
    catalogue: createMemoryStore().catalogue,
    searchRules: createMemoryStore().searchRules,
    knownTexts: async () => new Set(),
    putTexts: async () => [],
    putEvents: async () => [],
    sessionNeighbours: async () => ({ items: [], sessions: 0, touches: 0 }),
    similarProducts: async () => [],
    newestOfProducts: async () => new Map(),
    sharingProducts: async () => new Map(),
    searchWords: async () => [],
    prepareWords: async () => false,
    async search(request: SearchRequest) {
      searches.push(request);
      return [
        {
          score: 0.9,
          textId: 't-1',
          text: 'Red kettle',
          product: {
            id: 'p',
            name: 'Red kettle',
            description: null,
            category: 'Kitchen',
            price: 12,
          },
          events: { total: 2, byType: { view: 2 } },
          newest: storedEvent,
        },
      ];
    },
    texts: async () => new Map(),
    vectors: async () => new Map(),
    countsBy: async () => [],
    funnel: (request) => createMemoryStore().funnel(request),
    events: async (_filter: unknown, limit: number, after?: unknown) =>
      after === undefined ? [storedEvent].slice(0, limit) : [],
    event: async (id: string) => (id === storedEvent.id ? storedEvent : null),
    counts: async () => ({ texts: 1, events: 2 }),
    forget: async () => ({ events: 0, texts: 0, more: false }),
    async [Symbol.asyncDispose]() {},
  });
}

export const answeringFleet: EmbeddingService = {
  embed: async () => ({
    ok: true,
    embedding: {
      vector: new Float32Array([1, 0, 0]),
      provenance: {
        runnerSession: 's-1',
        runnerName: 'box-1',
        device: 'cpu',
        dtype: 'q8',
        embeddedAt: 0,
        checkedAt: 0,
      },
    },
  }),
};

/** No runner: waits until the signal aborts. */
export const emptyFleet: EmbeddingService = {
  embed: (_text, { signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
};

export type TestApp = {
  readonly services: Services;
  /** All log output as one text. */
  readonly logged: () => string;
  /** The records in the event log. */
  readonly appended: LogRecord[];
  readonly audited: readonly AuditLine[];
  readonly clock: ManualClock;
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  readonly post: (
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ) => Promise<Response>;
};

/** A client of the app, without a network. */
export const clientOf = ({ request }: Pick<TestApp, 'request'>): VectorStreamClient =>
  createClient({
    url: 'http://gateway',
    fetch: async (url, init) => request(url.slice('http://gateway'.length), init),
  });

export function testApp(
  changes: Partial<Services> = {},
  env: Record<string, string> = {},
): TestApp {
  const settings = new Settings({
    yaml: null,
    env: { VECTORSTREAM_SEARCH_WAIT_MS_MAX: '20', ...env },
    flags: new Map(),
  });
  const { config } = settings;
  const lines: string[] = [];
  const audited: AuditLine[] = [];
  const log = createLog({
    level: 'trace',
    format: 'json',
    secrets: new Set([apiKey]),
    destination: { write: (line) => lines.push(line) },
  });
  const events = createMemoryLog();
  const appended: LogRecord[] = [];
  const clock = changes.clock instanceof ManualClock ? changes.clock : new ManualClock();
  const embedding = strictEmbedding(changes.embedding ?? answeringFleet);
  const runners = changes.runners ?? (() => [runner]);
  const source = changes.source ?? events.source('test');
  const store = changes.store ?? scriptedStore();
  const deadLetters = changes.deadLetters ?? createMemoryDeadLetters();
  const blocks = loadedBlocks(clock);
  const services: Services = {
    settings,
    config,
    eventTypes: eventTypesOf(config.events.types),
    log,
    clock,
    runners,
    fleet: () => quietFleet,
    disk: { state: () => ({ level: 'enough', freeBytes: 1e12, problem: null }) },
    access: new Access({ config, clock, ring: { keys: () => fixedKeys(config.gateway) } }),
    audit: {
      write: (line) => audited.push(line),
      read: null,
      [Symbol.dispose]: () => undefined,
    },
    admitRunner: (headers) =>
      checkRunnerToken(headers, {
        shared: 'runner-token',
        trusted: ['trusted-token'],
        join: () => null,
      }),
    joinTokens: new JoinTokens(
      'runner-token',
      join(tmpdir(), `vectorstream-${randomUUID()}`, 'join-tokens.json'),
      clock,
      blocks,
      { made: [], revoked: [] },
    ),
    blocks,
    certificate: () => null,
    pagesFolder: join(tmpdir(), 'vectorstream-no-pages'),
    model: {
      folder: modelFolder,
      compressedFolder: join(tmpdir(), 'vectorstream-no-compressed'),
      manifest: parseManifest(readFileSync(join(modelFolder, 'manifest.json'), 'utf8')),
      revision: 'r'.repeat(64),
      vectorRevision: 'v'.repeat(64),
      meaningFloor: 0.4,
    },
    startedAt: clock.now(),
    source,
    store,
    deadLetters,
    schemas: null,
    versions: new StoredVersions(),
    erasures: new Erasures({ store, deadLetters, sink: events.sink, clock, log }),
    generator: noGenerator,
    timestamps: createTimestampAlarm(clock, log),
    live: new Live(clock, config.live.clientsMax),
    gauges: createGauges({ source, store, deadLetters, clock }),
    drainRunner: (id) => id === runner.id,
    removeRunner: (id) => id === runner.id,
    quarantineRunner: (id) => id === runner.id,
    sink: {
      async append(records) {
        const positions = await events.sink.append(records);
        appended.push(...records);
        return positions;
      },
      [Symbol.asyncDispose]: () => events.sink[Symbol.asyncDispose](),
    },
    queries: new QueryVectors({
      embedding,
      limits: config.search,
      runnerReady: () => runners().length > 0,
    }),
    requestEmbeddings: new RequestEmbeddings({
      ...requestEmbeddingLimits,
      embedding,
      waitMsMax: 10_000,
      runnerWaitMsMax: 20,
      runnerReady: () => runners().length > 0,
    }),
    telemetry: new Telemetry(),
    history: new FigureHistory(),
    ...changes,
    embedding,
  };
  services.live.start(liveFigures(services));
  const app = createApp(services);
  const request = async (path: string, init?: RequestInit): Promise<Response> =>
    app.request(path, init);
  return {
    services,
    appended,
    audited,
    clock,
    request,
    logged: () => lines.join(''),
    post(path, body, headers = {}) {
      const raw =
        typeof body === 'string'
          ? body
          : body instanceof Uint8Array
            ? new Uint8Array(body)
            : JSON.stringify(body);
      return request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: raw,
      });
    },
  };
}

/** A problem document, checked for the members that every one has. */
export async function problemOf(response: Response): Promise<Record<string, unknown>> {
  const body: unknown = await response.json();
  if (
    response.headers.get('content-type') !== 'application/problem+json' ||
    typeof body !== 'object' ||
    body === null
  ) {
    throw new Error(`Not a problem document: ${response.status} ${JSON.stringify(body)}`);
  }
  const document: Record<string, unknown> = { ...body };
  for (const member of ['type', 'title', 'status', 'detail', 'code', 'request_id', 'timestamp']) {
    if (!(member in document))
      throw new Error(`The problem document lacks ${member}: ${JSON.stringify(body)}`);
  }
  if (document['status'] !== response.status)
    throw new Error(
      `The document says ${String(document['status'])}, the answer ${response.status}`,
    );
  return document;
}

export const event = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  event_id: 'e-1',
  timestamp: '2025-12-31T23:00:00Z',
  user_id: 'u-1',
  event_type: 'view',
  session_id: 's-1',
  product: { id: 'p-1', name: 'Red kettle', price: 12.5 },
  ...changes,
});
