// Starts what runs without being asked: the pipeline, the repair of vectors, the retention of the
// store, and the gateway's own runners.

import { type PipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type { TextResolverOptions } from '#core/pipeline/text-resolver.ts';
import type { Clock } from '#core/ports.ts';
import type { Config } from '../config/config.ts';
import type { Erasures } from '../erasure/erasures.ts';
import { heldSource } from '../erasure/held-source.ts';
import type { GatewayModel } from '../fleet/open-model.ts';
import type { LocalRunners } from '../fleet/own-runners-process.ts';
import { startOwnRunners, type OwnRunnersOptions } from '../fleet/own-runners.ts';
import type { StoredVersions } from '../ingest/stored-versions.ts';
import type { Live } from '../live/live.ts';
import type { GatewayStorage } from '../storage/open-storage.ts';
import { runRetention } from '../storage/retention-sweep.ts';
import { yieldingSource } from '../storage/yielding-source.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import type { Telemetry } from '../telemetry/metrics/metrics.ts';
import type { TimestampAlarm } from '../telemetry/timestamp-alarm.ts';
import { runCatalogue } from './catalogue-work.ts';
import { pipelineLimits } from './live-limits.ts';
import { olderTextsObserver, pipelineObserver } from './observers.ts';
import { embedOlderTextsOnce } from './older-texts-once.ts';
import type { FleetParts } from './open-fleet.ts';
import { prepareWords } from './prepare-words.ts';

export type WorkOptions = {
  readonly config: Config;
  readonly storage: GatewayStorage;
  readonly fleet: FleetParts;
  readonly runners: Pick<OwnRunnersOptions, 'environment' | 'url' | 'model' | 'dataDir'>;
  readonly identity: GatewayModel['identity'];
  readonly clock: Clock;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly live: Live;
  readonly versions: StoredVersions;
  readonly erasures: Erasures;
  readonly timestamps: TimestampAlarm;
  /** The pipeline ended with an error; called at most once. */
  readonly onFatal: (error: unknown) => void;
};

export type Work = {
  /** `null` when the settings ask for none. */
  readonly runners: LocalRunners | null;
  /** Accepts no further event; resolves when the events in flight are finished and committed. */
  stop(): Promise<void>;
};

/** Never throws. */
export function startWork(options: WorkOptions): Work {
  const { config, storage, fleet, clock, log } = options;
  const { erasures } = options;
  const { source, store, deadLetters } = storage;
  const { embedding, repair, blocks, ownToken } = fleet;
  const limits = pipelineLimits(config, storage.schemas, storage.changes);
  const stopping = new AbortController();
  const observer = pipelineObserver({ ...options, eventTypes: limits.event.types });
  const isDistrusted: TextResolverOptions['isDistrusted'] = (provenance) =>
    repair.isDistrusted(provenance);
  const pipeline = runPipeline({
    source: heldSource(yieldingSource(source), erasures.loaded),
    erased: erasures,
    store,
    deadLetters,
    embedding,
    clock,
    random: Math.random,
    limits,
    observer,
    signal: stopping.signal,
    isDistrusted,
  }).catch(options.onFatal);
  const listing = runCatalogue(
    { store, embedding, clock, log, limits, observer, isDistrusted },
    stopping.signal,
  );
  const erasing = erasures.run(stopping.signal);
  const repairing = repair.run(stopping.signal);
  const blocking = blocks.run(stopping.signal);
  const { modelRevision, olderTokenizers } = options.identity;
  const { url, collection } = config.qdrant;
  const renewing =
    olderTokenizers.length > 0
      ? embedOlderTextsOnce(
          {
            store,
            embedding,
            clock,
            log,
            dataDir: options.runners.dataDir,
            index: [modelRevision, ...(store.kind === 'qdrant' ? [url, collection] : [])].join(' '),
            backoff: limits.backoff,
            observer: olderTextsObserver(log, clock),
            isDistrusted,
          },
          stopping.signal,
        )
      : Promise.resolve();
  const retention = sweep(options, limits, stopping.signal);
  const preparing = prepareWords({ store, clock, log }, stopping.signal);
  const { count } = config.runners;
  return {
    runners:
      count === 0
        ? null
        : startOwnRunners({
            ...options.runners,
            count,
            token: ownToken,
            logging: config.logging,
            clock,
            log,
          }),
    async stop() {
      stopping.abort();
      await Promise.all([
        pipeline,
        retention,
        repairing,
        blocking,
        renewing,
        erasing,
        preparing,
        listing,
      ]);
    },
  };
}

function sweep(
  { config, storage: { store }, clock, log }: WorkOptions,
  { knownTextAgeMsMax }: PipelineLimits,
  signal: AbortSignal,
): Promise<void> {
  return runRetention(
    {
      store,
      clock,
      log,
      retentionMs: () => config.store.retentionDays * 86_400_000,
      sweepEveryMs: () => config.store.sweepMinutes * 60_000,
      textGraceMs: 2 * knownTextAgeMsMax,
    },
    signal,
  );
}
