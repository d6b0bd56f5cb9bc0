// Opens where events come from and where vectors, events and dead letters are kept: embedded, Kafka
// or Qdrant, as the settings say.

import type { SchemaRegistry } from '#core/decode/record-schema.ts';
import { assert } from '#core/errors/assert.ts';
import { eventTypesOf } from '#core/event/event-types.ts';
import { announcedStore } from '#core/pipeline/changes/announced-store.ts';
import { ChangeFeed } from '#core/pipeline/changes/change-feed.ts';
import type {
  Clock,
  DeadLetters,
  EventSink,
  EventSource,
  IndexIdentity,
  VectorStore,
} from '#core/ports.ts';
import { sourceKind, storeKind, type Config } from '../config/config.ts';
import { openEmbedded, type Embedded } from '../embedded/open-embedded.ts';
import { openQdrantStore } from '../qdrant/qdrant-store.ts';
import { type DiskSpace, freeBytesOf, watchDiskSpace } from '../telemetry/disk-space.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import { gatedSink, gatedSource } from './disk-gate.ts';

export type StorageOptions = {
  readonly config: Config;
  readonly identity: IndexIdentity;
  /** Absolute. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly kafkaLog: Log;
  /** The embedded database has ended; called at most once. */
  readonly onWorkerExit: (error: unknown) => void;
};

export type GatewayStorage = {
  readonly source: EventSource;
  readonly sink: EventSink;
  readonly deadLetters: DeadLetters;
  readonly store: VectorStore;
  readonly disk: DiskSpace;
  /** What tells the schemas of records; `null` without a Schema Registry. */
  readonly schemas: SchemaRegistry | null;
  /** Who is told of what is stored; `null` without a sink. */
  readonly changes: ChangeFeed | null;
};

type Engines = Omit<GatewayStorage, 'disk' | 'schemas' | 'changes'>;

/** Names of the embedded log and of its only reader. */
const topic = 'ecommerce-events';
const consumerGroup = 'vectorstream';

/**
 * `opened` takes ownership of everything that is opened.
 *
 * @throws UsageError for what the operator can correct.
 * @throws IndexMismatchError when the store was made for another model.
 */
export async function openStorage(
  options: StorageOptions,
  opened: AsyncDisposableStack,
): Promise<GatewayStorage> {
  const { config, dataDir, clock, log } = options;
  const { source, sink, deadLetters, store } = await openEngines(options, opened);
  const disk = opened.use(
    await watchDiskSpace({
      folder: dataDir,
      limits: config.ingest,
      holdsEvents: source.kind === 'embedded' || store.kind === 'embedded',
      clock,
      log,
      readFreeBytes: freeBytesOf,
    }),
  );
  const changes = await openChanges(options, store, opened);
  return {
    source: gatedSource(source, disk, clock),
    sink: gatedSink(sink, disk),
    deadLetters,
    store: changes === null ? store : announcedStore(store, changes),
    changes,
    disk,
    schemas: await openSchemas(config, clock),
  };
}

async function openChanges(
  { config: { sink, kafka }, identity, clock, kafkaLog }: StorageOptions,
  store: VectorStore,
  opened: AsyncDisposableStack,
): Promise<ChangeFeed | null> {
  const { topic: told, key, content } = sink;
  if (told === null) return null;
  const { openKafkaSink } = await import('../kafka/open-kafka.ts');
  const model = { id: identity.modelId, revision: identity.modelRevision };
  return new ChangeFeed({
    store,
    sink: opened.use(openKafkaSink(told, kafka, kafkaLog)),
    format: { key, content, model },
    clock,
  });
}

async function openSchemas(
  { schemaRegistry }: Config,
  clock: Clock,
): Promise<SchemaRegistry | null> {
  const { url } = schemaRegistry;
  if (url === null) return null;
  // Imported only here: the reader of Protobuf's schemas takes time and memory to load.
  const { createSchemaRegistry } = await import('../decode/schema-registry.ts');
  return createSchemaRegistry({ ...schemaRegistry, url, clock });
}

async function openEngines(
  options: StorageOptions,
  opened: AsyncDisposableStack,
): Promise<Engines> {
  const { config } = options;
  const isLogEmbedded = sourceKind(config) === 'embedded';
  const isStoreEmbedded = storeKind(config) === 'embedded';
  const embedded =
    isLogEmbedded || isStoreEmbedded
      ? opened.use(await openFolder(options, isStoreEmbedded))
      : null;
  const store =
    isStoreEmbedded && embedded !== null ? embedded.store : opened.use(await openQdrant(options));
  if (isLogEmbedded && embedded !== null) {
    const { sink, deadLetters } = embedded;
    return { source: opened.use(await embedded.source(consumerGroup)), sink, deadLetters, store };
  }
  // Imported only here: Kafka's client takes time and memory to load.
  const { openKafkaParts } = await import('../kafka/open-kafka.ts');
  const { source, sink, deadLetters } = opened.use(
    openKafkaParts(config.kafka, {
      alone: isStoreEmbedded,
      written: config.sink.topic === null ? [] : [config.sink.topic],
      clock: options.clock,
      log: options.kafkaLog,
    }),
  );
  return { source, sink, deadLetters, store };
}

function openFolder(
  { config, identity, dataDir, clock, onWorkerExit }: StorageOptions,
  holdsStore: boolean,
): Promise<Embedded> {
  const { unreadBytesMax, logBytesMax, logHoursMax, partitions } = config.ingest;
  return openEmbedded({
    dataDir,
    identity,
    topic,
    partitions,
    clock,
    onWorkerExit,
    holdsStore,
    log: { unreadBytesMax, retentionBytes: logBytesMax, retentionMs: logHoursMax * 3_600_000 },
  });
}

/** If Qdrant is down, the store works as soon as it is up; readiness names it until then. */
function openQdrant({ config, identity, clock, log }: StorageOptions): Promise<VectorStore> {
  const { url, apiKey, timeoutMs, collection, ...storage } = config.qdrant;
  const { eventsCollection, productsCollection } = storage;
  assert(url !== null, 'Qdrant is the store and has no address');
  const { vectorsOnDisk, quantisation, shards, replicas } = storage;
  return openQdrantStore(
    {
      url,
      apiKey,
      timeoutMs,
      identity,
      clock,
      searchPlan: 'auto',
      eventTypes: eventTypesOf(config.events.types).names,
      collections: { texts: collection, events: eventsCollection, products: productsCollection },
      storage: { vectorsOnDisk, quantisation, shards, replicas },
    },
    (why) => log.warn(`${why}; events are accepted and wait until it is available`),
  );
}
