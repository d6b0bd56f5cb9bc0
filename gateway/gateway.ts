// Puts the parts together and takes them apart again: the one place that knows every adapter.

import { join, resolve } from 'node:path';
import { assert } from '#core/errors/assert.ts';
import { runPipeline } from '#core/pipeline/pipeline.ts';
import type { IndexIdentity, VectorStore } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { Repair } from '#core/trust/repair.ts';
import { Access } from './access/access.ts';
import { openAuditTrail } from './access/audit-trail.ts';
import { inNetworks } from './access/client-address.ts';
import { openJoinTokens } from './access/join-tokens.ts';
import { openKeyRing } from './access/key-ring.ts';
import { admit } from './access/runner-admission.ts';
import { freshToken, localRunnerToken } from './access/runner-token.ts';
import {
  countingTokenGuesses,
  runnerAddress,
  guardedRunnerUpgrade,
} from './access/token-guessing.ts';
import { createApp } from './api/app.ts';
import type { Services } from './api/services.ts';
import { createGauges } from './api/views/gauges.ts';
import { liveFigures } from './api/views/live-figures.ts';
import { sourceKind, storeKind, type Config } from './config/config.ts';
import type { Settings } from './config/live-settings.ts';
import { openEmbedded } from './embedded/open-embedded.ts';
import { findModel } from './fleet/find-model.ts';
import { startLocalRunners, type LocalRunners } from './fleet/local-runners.ts';
import { openGatewayModel } from './fleet/open-model.ts';
import { withPrefixes } from './fleet/prefixed-embedding.ts';
import { QueryVectors } from './fleet/query-vectors.ts';
import { RequestEmbeddings, requestEmbeddingLimits } from './fleet/request-embeddings.ts';
import { createRunnerHub } from './fleet/runner-hub.ts';
import { secureRandom } from './fleet/secure-random.ts';
import {
  listen,
  type HttpServer,
  type HttpServerOptions,
  type Upgrade,
} from './http/http-server.ts';
import { readCertificate, watchCertificate } from './http/tls-certificate.ts';
import { LiveSocket } from './live/live-socket.ts';
import { Live } from './live/live.ts';
import { openQdrantStore } from './qdrant/qdrant-store.ts';
import { hubLimits, pipelineLimits } from './startup/live-limits.ts';
import { hubObserver, pipelineObserver, repairObserver } from './startup/observers.ts';
import { runRetention } from './storage/retention.ts';
import { yieldingSource } from './storage/yielding-source.ts';
import type { Log } from './telemetry/gateway-log.ts';
import { Telemetry } from './telemetry/metrics.ts';

export type GatewayOptions = {
  readonly log: Log;
  /** Takes what the log must not show. */
  readonly secrets: Set<string>;
  /** Handed on to the gateway's own runners. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A part without which the gateway cannot work has ended. Called at most once per part. */
  readonly onFatal: (error: unknown) => void;
};

export type Gateway = {
  /** With the real port, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /**
   * Takes nothing new, finishes and commits what is in hand, closes all; within
   * `gateway.shutdownMsMax`. Repeatable.
   */
  close(): Promise<void>;
};

/** Names of the embedded log and of its only reader. */
const topic = 'ecommerce-events';
const consumerGroup = 'vectorstream';
/** Where `npm run build` puts the web pages. */
const pagesFolder = join(import.meta.dirname, '..', 'dist', 'pages');
/** What the gateway's own runners have no use for. */
const withheld: readonly string[] = [
  'VECTORSTREAM_API_KEY',
  'VECTORSTREAM_API_KEYS',
  'VECTORSTREAM_TLS_KEY',
  'QDRANT_API_KEY',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
];

/**
 * Resolves when requests are answered; runners join afterwards. Throws `UsageError` for what its
 * operator can put right.
 */
export async function startGateway(
  settings: Settings,
  { log, secrets, environment, onFatal }: GatewayOptions,
): Promise<Gateway> {
  const { config } = settings;
  const clock = systemClock;
  const startedAt = clock.now();
  const dataDir = resolve(config.gateway.dataDir);
  // A child keeps its own level.
  const kafkaLog = log.child({ part: 'kafka' });
  settings.onChange(() => {
    for (const each of [log, kafkaLog]) each.level = config.logging.level;
  });
  const limits = pipelineLimits(config);

  const found = await findModel(config, dataDir, environment);
  const { identity, manifest, golden, bounds, prefixes } = await openGatewayModel(found.folder);
  const { unreadBytesMax, logBytesMax, logHoursMax, partitions } = config.ingest;
  // Whatever is open when a later step fails is closed again.
  await using opened = new AsyncDisposableStack();
  const openFolder = async () =>
    opened.use(
      await openEmbedded({
        dataDir,
        identity,
        topic,
        partitions,
        clock,
        onWorkerExit: onFatal,
        holdsStore: storeKind(config) === 'embedded',
        log: { unreadBytesMax, retentionBytes: logBytesMax, retentionMs: logHoursMax * 3_600_000 },
      }),
    );
  for (const secret of [config.qdrant.apiKey, config.kafka.saslPassword])
    if (secret !== null) secrets.add(secret);
  const embedded =
    sourceKind(config) === 'embedded' || storeKind(config) === 'embedded'
      ? await openFolder()
      : null;
  const store =
    storeKind(config) === 'embedded' && embedded !== null
      ? embedded.store
      : opened.use(await openQdrant(config.qdrant, identity, log));
  const { source, sink, deadLetters } =
    sourceKind(config) === 'embedded' && embedded !== null
      ? { ...embedded, source: opened.use(await embedded.source(consumerGroup)) }
      : // Loaded when it is asked for: Kafka's client takes its time and its memory.
        opened.use(
          (await import('./kafka/open-kafka.ts')).openKafkaParts(config.kafka, {
            alone: storeKind(config) === 'embedded',
            clock,
            log: kafkaLog,
          }),
        );

  const secret = config.runners.token ?? (await localRunnerToken(dataDir));
  const joinTokens = await openJoinTokens({ secret, dataDir, clock });
  const tokens = {
    shared: secret,
    trusted: freshToken(),
    join: (token: string) => joinTokens.verify(token),
  };
  for (const token of [tokens.shared, tokens.trusted]) secrets.add(token);
  const telemetry = new Telemetry();
  const live = new Live(clock, config.live.clientsMax);
  const repair = new Repair({
    store,
    clock,
    limits: hubLimits(config),
    isShared: store.kind === 'qdrant',
    backoff: limits.backoff,
    observer: repairObserver(telemetry, log),
    embedding: { embed: (text, options) => embedding.embed(text, options) },
  });
  const hub = createRunnerHub({
    identity,
    golden,
    bounds,
    tokens,
    clock,
    log,
    ledger: repair,
    random: secureRandom(),
    addressOf: (request) => runnerAddress(access, request),
    limits: hubLimits(config),
    expectsTrusted: config.runners.count !== 0,
    observer: hubObserver(telemetry, live, () => queries.clear()),
  });
  opened.defer(() => hub.close());
  const embedding = withPrefixes(hub.service, prefixes);
  const runnerReady = (): boolean => hub.runners().some(({ state }) => state === 'ready');
  const queries = new QueryVectors({ embedding, limits: config.search, runnerReady });
  const requestEmbeddings = new RequestEmbeddings({
    ...requestEmbeddingLimits,
    embedding: hub.service,
    runnerReady,
    get waitMsMax() {
      return config.embeddings.waitMsMax;
    },
    get runnerWaitMsMax() {
      return config.search.waitMsMax;
    },
  });
  const access = new Access({
    config,
    clock,
    ring: opened.use(await openKeyRing(config.gateway, log)),
  });
  const audit = opened.use(
    openAuditTrail({ dataDir, fileBytesMax: config.audit.fileBytesMax, clock, log }),
  );
  const admitRunner = countingTokenGuesses(access, (headers) => admit(headers, tokens));
  const services: Services = {
    settings,
    config,
    log,
    access,
    audit,
    clock,
    startedAt,
    source,
    sink,
    store,
    deadLetters,
    embedding,
    queries,
    requestEmbeddings,
    telemetry,
    pagesFolder,
    model: {
      folder: found.folder,
      compressedFolder: join(dataDir, 'compressed'),
      manifest,
      revision: identity.modelRevision,
    },
    live,
    gauges: createGauges({ source, store, deadLetters, clock }),
    runners: () => hub.runners(),
    drainRunner: (id) => hub.drain(id),
    removeRunner: (id) => hub.remove(id),
    joinTokens,
    disconnectJoined: (tokenId) => hub.revoke(tokenId),
    admitRunner,
  };
  const app = createApp(services);
  live.start(liveFigures(services));
  opened.defer(() => live.close());
  const liveSocket = new LiveSocket({
    live,
    now: () => clock.now(),
    ask: async (path, headers, incoming) =>
      app.fetch(new Request(`http://gateway${path}`, { headers }), { incoming }),
  });
  const { host, port, trustedProxies, tlsCert, tlsKey } = config.gateway;
  const certificate =
    tlsCert === null || tlsKey === null ? null : readCertificate(tlsCert, tlsKey, clock.now(), log);
  const serving: HttpServerOptions = {
    host,
    port,
    certificate,
    limits: config.server,
    isProxy: inNetworks(trustedProxies),
    fetch: app.fetch,
    screen: (request) => access.screenUpgrade(request),
    upgrades: new Map<string, Upgrade>([
      [
        '/runners/connect',
        guardedRunnerUpgrade(access, admitRunner, (...upgrade) => hub.upgrade(...upgrade)),
      ],
      ['/ws/events', (...upgrade) => liveSocket.upgrade(...upgrade)],
    ]),
  };
  const server = await listen(serving);
  if (tlsCert !== null && tlsKey !== null)
    opened.use(watchCertificate(tlsCert, tlsKey, log, (renewed) => server.renew(renewed)));
  // The certificate names this gateway as others know it; its own runners come by a loopback
  // address, where there is nothing to hide from.
  const near =
    certificate === null || config.runners.count === 0
      ? null
      : await listen({
          ...serving,
          host: '127.0.0.1',
          port: 0,
          certificate: null,
          fetch: () => new Response(null, { status: 404 }),
        });

  // From here on nothing fails: the parts are the gateway's, which closes them in its own order.
  const resources = opened.move();
  const stopping = new AbortController();
  const pipeline = runPipeline({
    source: yieldingSource(source),
    store,
    deadLetters,
    embedding,
    clock,
    random: Math.random,
    limits,
    observer: pipelineObserver(telemetry, live, log),
    signal: stopping.signal,
    isDistrusted: (provenance) => repair.isDistrusted(provenance),
  }).catch(onFatal);
  const repairing = repair.run(stopping.signal);
  const retention = runRetention(
    {
      store,
      clock,
      log,
      retentionMs: () => config.store.retentionDays * 86_400_000,
      sweepEveryMs: () => config.store.sweepMinutes * 60_000,
      textGraceMs: 2 * limits.knownTextAgeMsMax,
    },
    stopping.signal,
  );
  const runners =
    config.runners.count === 0
      ? null
      : ownRunners(config, {
          log,
          environment,
          token: tokens.trusted,
          url: near?.url ?? nearUrl(server, host),
          model: found.setting,
          dataDir,
        });
  log.info(
    { data_dir: dataDir, model: identity.modelId, keys: access.keyNames() },
    `listening on ${server.url}`,
  );

  const shutDown = async (): Promise<void> => {
    live.close();
    const stopped = Promise.all(
      [server, ...(near === null ? [] : [near])].map((one) =>
        one.stop(config.gateway.shutdownMsMax / 2),
      ),
    );
    stopping.abort();
    await Promise.all([pipeline, retention, repairing]);
    await Promise.all([hub.close(), runners?.stop(config.gateway.shutdownMsMax / 4), stopped]);
    await repair.close();
    await resources.disposeAsync();
    log.info('stopped');
  };
  let closing: Promise<void> | null = null;
  return {
    url: server.url,
    close: () => (closing ??= within(config.gateway.shutdownMsMax, shutDown(), log)),
  };
}

/**
 * Resolves when `work` does, or after `ms` without it: what was not settled comes again after the
 * next start.
 */
async function within(ms: number, work: Promise<void>, log: Log): Promise<void> {
  const patience = new AbortController();
  const late = systemClock.sleep(ms, patience.signal).then(
    () => log.warn({ ms }, 'stopping took too long; what is left is abandoned'),
    () => undefined,
  );
  await Promise.race([work, late]);
  patience.abort();
}

/** Qdrant may be down: the store then works as soon as it is up, and readiness names it until then. */
function openQdrant(
  {
    url,
    apiKey,
    timeoutMs,
    collection,
    eventsCollection,
    vectorsOnDisk,
    quantisation,
    shards,
    replicas,
  }: Config['qdrant'],
  identity: IndexIdentity,
  log: Log,
): Promise<VectorStore> {
  assert(url !== null, 'Qdrant is the store and has no address');
  return openQdrantStore(
    {
      url,
      apiKey,
      timeoutMs,
      identity,
      clock: systemClock,
      searchPlan: 'auto',
      collections: { texts: collection, events: eventsCollection },
      storage: { vectorsOnDisk, quantisation, shards, replicas },
    },
    (why) => log.warn(`${why}; events are taken in and wait for it`),
  );
}

type OwnRunners = {
  readonly log: Log;
  readonly environment: GatewayOptions['environment'];
  readonly token: string;
  readonly url: string;
  readonly model: string;
  readonly dataDir: string;
};

/** A gateway that listens everywhere is reached over the loopback address of the same family. */
function nearUrl({ url, port }: HttpServer, host: string): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  return host === '::' ? `http://[::1]:${port}` : url;
}

function ownRunners(
  config: Config,
  { log, environment, token, url, model, dataDir }: OwnRunners,
): LocalRunners {
  const { format, level } = config.logging;
  const given = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !withheld.includes(entry[0]),
  );
  return startLocalRunners({
    script: join(import.meta.dirname, '..', 'node-runner/main.ts'),
    args: ['--runners', String(config.runners.count)],
    environment: {
      ...Object.fromEntries(given),
      VECTORSTREAM_GATEWAY_URL: url.replace(/^http/, 'ws'),
      VECTORSTREAM_RUNNER_TOKEN: token,
      VECTORSTREAM_MODEL: model,
      VECTORSTREAM_DATA_DIR: dataDir,
      LOG_LEVEL: level,
      // Empty: as its own terminal suggests.
      LOG_FORMAT: format === 'auto' ? '' : format,
    },
    clock: systemClock,
    log,
  });
}
