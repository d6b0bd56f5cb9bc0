// Opens the HTTP API and the live feed, and the sockets on which they answer.

import { join } from 'node:path';
import { eventTypesOf } from '#core/event/event-types.ts';
import type { Clock } from '#core/ports.ts';
import { meaningFloorOf } from '#core/vectors/lexical/meaning-floor.ts';
import { openAuditTrail } from '../access/audit-trail.ts';
import type { Access } from '../access/authorization.ts';
import { inNetworks } from '../access/client-address.ts';
import { limitUpgradeGuesses } from '../access/token-guess-limit.ts';
import { createApp } from '../api/app.ts';
import type { Services } from '../api/services.ts';
import { createGauges } from '../api/views/gauges.ts';
import { liveFigures } from '../api/views/live-figures.ts';
import type { Settings } from '../config/live-settings.ts';
import type { Erasures } from '../erasure/erasures.ts';
import type { GatewayModel } from '../fleet/open-model.ts';
import {
  listen,
  type HttpServer,
  type HttpServerOptions,
  type Upgrade,
} from '../http/http-server.ts';
import { readCertificate, watchCertificate, type Certificate } from '../http/tls-certificate.ts';
import type { ParentGenerator } from '../ingest/parent-generator.ts';
import type { StoredVersions } from '../ingest/stored-versions.ts';
import { LiveSocket } from '../live/live-socket.ts';
import type { Live } from '../live/live.ts';
import type { GatewayStorage } from '../storage/open-storage.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import type { Telemetry } from '../telemetry/metrics/metrics.ts';
import { recordHistory } from '../telemetry/record-history.ts';
import type { TimestampAlarm } from '../telemetry/timestamp-alarm.ts';
import type { FleetParts } from './open-fleet.ts';

export type ApiOptions = {
  readonly settings: Settings;
  readonly model: GatewayModel & { readonly folder: string };
  readonly storage: GatewayStorage;
  readonly fleet: FleetParts;
  readonly access: Access;
  readonly live: Live;
  readonly versions: StoredVersions;
  readonly erasures: Erasures;
  readonly generator: ParentGenerator;
  readonly timestamps: TimestampAlarm;
  readonly telemetry: Telemetry;
  /** Absolute. */
  readonly dataDir: string;
  readonly clock: Clock;
  /** UTC ms. */
  readonly startedAt: number;
  readonly log: Log;
};

export type Api = {
  /** The URL with the real port, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Where the gateway's own runners connect. */
  readonly runnerUrl: string;
  /** Takes no new connection, waits up to `msMax` for requests in work, then ends what is left. */
  stop(msMax: number): Promise<void>;
};

/** Where `npm run build` puts the web pages. */
const pagesFolder = join(import.meta.dirname, '../..', 'dist', 'pages');

/**
 * Answers requests when it resolves. `opened` takes ownership of everything that is opened, except
 * for the servers, which `stop` ends.
 *
 * @throws UsageError when the address, the certificate or the audit trail cannot be used.
 */
export async function openApi(options: ApiOptions, opened: AsyncDisposableStack): Promise<Api> {
  const { settings, live, clock, log } = options;
  const { config } = settings;
  const { host, tlsCert, tlsKey } = config.gateway;
  const certificate =
    tlsCert === null || tlsKey === null ? null : readCertificate(tlsCert, tlsKey, clock.now(), log);
  let present = certificate;
  const services = await servicesOf(options, opened, () => present);
  const app = createApp(services);
  live.start(liveFigures(services));
  opened.defer(() => live.close());

  const serving = serverOptions(options, app, certificate);
  await using listening = new AsyncDisposableStack();
  const server = await listen(serving);
  listening.defer(() => server.stop(0));
  if (tlsCert !== null && tlsKey !== null)
    opened.use(
      watchCertificate(tlsCert, tlsKey, log, (renewed) => {
        server.renew(renewed);
        present = renewed;
      }),
    );
  const loopbackServer =
    certificate !== null && config.runners.count !== 0 ? await listenOnLoopback(serving) : null;
  listening.move();
  return {
    url: server.url,
    runnerUrl: loopbackServer?.url ?? loopbackUrl(server, host),
    async stop(msMax) {
      await Promise.all([server.stop(msMax), loopbackServer?.stop(msMax)]);
    },
  };
}

async function servicesOf(
  options: ApiOptions,
  opened: AsyncDisposableStack,
  certificate: Services['certificate'],
): Promise<Services> {
  const { settings, model, storage, fleet, access, live, versions, timestamps, telemetry } =
    options;
  const { dataDir, clock, startedAt, log, erasures, generator } = options;
  const { config } = settings;
  const { source, sink, store, deadLetters, disk, schemas } = storage;
  const { hub, embedding, queries, requestEmbeddings, joinTokens, admitRunner, blocks } = fleet;
  const { fileBytesMax } = config.audit;
  const gauges = createGauges({ source, store, deadLetters, clock });
  const lag = async () =>
    (await gauges.lag()).value?.reduce((sum, partition) => sum + partition.lag, 0) ?? null;
  const recorded = opened.use(await recordHistory({ dataDir, telemetry, lag, clock, log }));
  return {
    settings,
    config,
    eventTypes: eventTypesOf(config.events.types),
    log,
    access,
    audit: opened.use(openAuditTrail({ dataDir, fileBytesMax, clock, log })),
    clock,
    startedAt,
    source,
    sink,
    store,
    deadLetters,
    disk,
    schemas,
    embedding,
    queries,
    requestEmbeddings,
    telemetry,
    history: recorded.history,
    pagesFolder,
    model: {
      folder: model.folder,
      compressedFolder: join(dataDir, 'compressed'),
      manifest: model.manifest,
      revision: model.filesRevision,
      vectorRevision: model.identity.modelRevision,
      meaningFloor: meaningFloorOf(model.golden.cases.map(({ vector }) => vector)),
    },
    live,
    versions,
    erasures,
    generator,
    timestamps,
    gauges,
    runners: () => hub.runners(),
    fleet: () => hub.fleetStats(),
    drainRunner: (id) => hub.drain(id),
    removeRunner: (id) => hub.remove(id),
    quarantineRunner: (id, reason) => hub.quarantine(id, reason),
    certificate,
    joinTokens,
    blocks,
    admitRunner,
  };
}

function serverOptions(
  { settings: { config }, fleet: { hub, admitRunner }, access, live, clock }: ApiOptions,
  app: ReturnType<typeof createApp>,
  certificate: Certificate | null,
): HttpServerOptions {
  const { host, port, trustedProxies, basePath } = config.gateway;
  const liveSocket = new LiveSocket({
    live,
    now: () => clock.now(),
    ask: async (path, headers, incoming) =>
      app.fetch(new Request(`http://gateway${path}`, { headers }), { incoming }),
  });
  const connectRunner = limitUpgradeGuesses(access, admitRunner, (...upgrade) =>
    hub.upgrade(...upgrade),
  );
  return {
    host,
    port,
    basePath,
    certificate,
    limits: config.server,
    isProxy: inNetworks(trustedProxies),
    fetch: app.fetch,
    screen: (request) => access.screenUpgrade(request),
    upgrades: new Map<string, Upgrade>([
      ['/runners/connect', connectRunner],
      ['/ws/events', (...upgrade) => liveSocket.upgrade(...upgrade)],
    ]),
  };
}

/**
 * A second server without TLS, for the gateway's own runners alone: the certificate does not name
 * the loopback address, where nothing needs to be encrypted.
 */
function listenOnLoopback(serving: HttpServerOptions): Promise<HttpServer> {
  return listen({
    ...serving,
    host: '127.0.0.1',
    port: 0,
    certificate: null,
    fetch: () => new Response(null, { status: 404 }),
  });
}

/** A gateway that listens on all addresses is reached over the loopback one of the same family. */
function loopbackUrl({ url, port }: HttpServer, host: string): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  return host === '::' ? `http://[::1]:${port}` : url;
}
