// Opens the parts of a gateway one after another, and closes them in the opposite direction.

import { resolve } from 'node:path';
import type { VectorStore } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { within } from '#core/time/deadline.ts';
import { Access } from './access/authorization.ts';
import { openKeyRing } from './access/key-ring.ts';
import type { Settings } from './config/live-settings.ts';
import { Erasures } from './erasure/erasures.ts';
import { findModel } from './fleet/find-model.ts';
import { openGatewayModel } from './fleet/open-model.ts';
import type { ParentGenerator } from './ingest/parent-generator.ts';
import { StoredVersions } from './ingest/stored-versions.ts';
import { Live } from './live/live.ts';
import { openApi } from './startup/open-api.ts';
import { openFleet } from './startup/open-fleet.ts';
import { startWork } from './startup/start-work.ts';
import { type GatewayStorage, openStorage } from './storage/open-storage.ts';
import type { Log } from './telemetry/gateway-log.ts';
import { Telemetry } from './telemetry/metrics/metrics.ts';
import { createTimestampAlarm } from './telemetry/timestamp-alarm.ts';

export type GatewayOptions = {
  readonly log: Log;
  /** What the log must not show: generated tokens are added to it. */
  readonly secrets: Set<string>;
  /** Handed on to the gateway's own runners. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of the program that started this gateway. */
  readonly generator: ParentGenerator;
  /** A part that the gateway cannot work without has ended. Called at most once per part. */
  readonly onFatal: (error: unknown) => void;
};

export type Gateway = {
  /** The URL with the real port, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly storage: Pick<GatewayStorage, 'source' | 'store'>;
  /**
   * Accepts no further event, finishes and commits the events in flight, and closes all parts,
   * within `gateway.shutdownMsMax`. Repeatable.
   */
  close(): Promise<void>;
};

/**
 * Resolves when requests are answered; runners join afterwards. When a step fails, what the steps
 * before it opened is closed again.
 *
 * @param prepare runs before anything of the store is read
 * @throws UsageError for what the operator can correct.
 * @throws IndexMismatchError when the store was made for another model.
 */
export async function startGateway(
  settings: Settings,
  { log, secrets, environment, generator, onFatal }: GatewayOptions,
  prepare: (store: VectorStore) => Promise<void> = async () => undefined,
): Promise<Gateway> {
  const { config } = settings;
  const clock = systemClock;
  const startedAt = clock.now();
  const dataDir = resolve(config.gateway.dataDir);
  const kafkaLog = log.child({ part: 'kafka' });
  settings.onChange(() => {
    // A child logger keeps its own level.
    for (const each of [log, kafkaLog]) each.level = config.logging.level;
  });

  await using opened = new AsyncDisposableStack();
  const found = await findModel(config, dataDir, environment);
  const model = { ...(await openGatewayModel(found.folder)), folder: found.folder };
  const { identity } = model;
  const storage = await openStorage(
    { config, identity, dataDir, clock, log, kafkaLog, onWorkerExit: onFatal },
    opened,
  );
  const ring = opened.use(await openKeyRing(config.gateway, log));
  const access = new Access({ config, clock, ring });
  const live = new Live(clock, config.live.clientsMax);
  const shared = {
    clock,
    log,
    telemetry: new Telemetry(),
    live,
    versions: new StoredVersions(),
    timestamps: createTimestampAlarm(clock, log),
  };
  const { store } = storage;
  await prepare(store);
  const erasures = new Erasures({ ...storage, clock, log });
  erasures.onErase(() => live.feed.clear());
  const fleet = await openFleet(
    { config, model, store, access, dataDir, secrets, ...shared },
    opened,
  );
  const api = await openApi(
    { settings, model, storage, fleet, access, dataDir, startedAt, erasures, generator, ...shared },
    opened,
  );
  const runners = { environment, url: api.runnerUrl, model: found.setting, dataDir };
  const work = startWork({
    config,
    storage,
    fleet,
    runners,
    identity,
    erasures,
    onFatal,
    ...shared,
  });
  // From here on nothing fails: `close` owns what was opened.
  const resources = opened.move();
  log.info(
    { data_dir: dataDir, model: identity.modelId, keys: access.keyNames() },
    `listening on ${api.url}`,
  );

  const { shutdownMsMax } = config.gateway;
  const shutDown = async (): Promise<void> => {
    live.close();
    const answered = api.stop(shutdownMsMax / 2);
    await work.stop();
    await Promise.all([fleet.hub.close(), work.runners?.stop(shutdownMsMax / 4), answered]);
    await fleet.repair.close();
    await resources.disposeAsync();
    log.info('stopped');
  };
  const late = (): void => log.warn({ ms: shutdownMsMax }, tooLong);
  let closing: Promise<void> | null = null;
  return {
    url: api.url,
    storage,
    close: () => (closing ??= within(shutDown(), { ms: shutdownMsMax, clock, late })),
  };
}

const tooLong = 'stopping took too long: unsettled events are delivered again after the next start';
