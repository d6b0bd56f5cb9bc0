// Opens a data folder: one SQLite file that holds the event log, the vector store and the dead
// letters of one gateway.
//
//   gateway's thread ──► writer worker (one transaction for all that waits) ──► vectorstream.db
//                   ├──► reader worker (searches, log reads, lists) ◄─────────── (snapshots)
//                   └──► a second reader, once something is counted that may take long

import { Worker } from 'node:worker_threads';
import type { DependencyError } from '#core/errors/errors.ts';
import type {
  Clock,
  DeadLetters,
  EventSink,
  EventSource,
  IndexIdentity,
  VectorStore,
} from '#core/ports.ts';
import type { SearchPlan } from '#core/vectors/search-plan.ts';
import { defaultLog } from '../config/defaults.ts';
import { createEmbeddedDeadLetters } from './embedded-dead-letters.ts';
import { createEmbeddedSink } from './embedded-sink.ts';
import {
  createEmbeddedSource,
  type EmbeddedSourceOptions,
  sourceDefaults,
} from './embedded-source.ts';
import { createEmbeddedStore } from './embedded-store.ts';
import type { ReaderApi, ReaderOptions } from './reader.ts';
import type { LogBounds } from './sql/log-writes.ts';
import { WorkerClient } from './worker-rpc.ts';
import type { WriterApi, WriterOptions } from './writer-api.ts';

export type EmbeddedOptions = {
  readonly dataDir: string;
  readonly identity: IndexIdentity;
  /**
   * Whether texts and events are kept here too. A folder of a log and dead letters only serves
   * gateways of any index.
   */
  readonly holdsStore: boolean;
  /** Names the log in positions. */
  readonly topic: string;
  /** Of a new log, 1…64; an existing one never gets fewer. */
  readonly partitions: number;
  readonly log: LogBounds;
  readonly searchPlan: SearchPlan;
  readonly clock: Clock;
  /**
   * Called at most once, when a database worker has died or met damage in the file: nothing more is
   * to be read or written, so the gateway must end.
   */
  readonly onWorkerExit: (error: DependencyError) => void;
};

export const embeddedDefaults = {
  partitions: defaultLog.partitions,
  log: defaultLog,
  searchPlan: 'auto',
  holdsStore: true,
} as const satisfies Partial<EmbeddedOptions>;

export type Embedded = AsyncDisposable & {
  readonly sink: EventSink;
  /** A source of the consumer group, which must have no other at that time. */
  source(groupId: string, options?: Partial<EmbeddedSourceOptions>): Promise<EventSource>;
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  /** Ends both workers at once, as a crash would; nothing is closed. For tests of what survives. */
  kill(): Promise<void>;
};

/**
 * Retention looks for old records this often, and deletes this many at a time, a few ms of the
 * writer's work.
 */
const retentionIntervalMs = 5_000;
const retentionRows = 1_000;

/**
 * Throws `UsageError` when the folder cannot be written, is in use by another process or holds a
 * damaged or newer file; `IndexMismatchError` when it was made for another model. Sources are to be
 * disposed before the whole.
 */
export async function openEmbedded(
  options: Pick<EmbeddedOptions, 'dataDir' | 'identity' | 'topic' | 'clock' | 'onWorkerExit'> &
    Partial<EmbeddedOptions>,
): Promise<Embedded> {
  const {
    dataDir: folder,
    identity,
    holdsStore,
    topic,
    partitions,
    log: bounds,
    searchPlan,
    clock,
    onWorkerExit,
  } = { ...embeddedDefaults, ...options };

  let isDead = false;
  const diedOnce = (error: DependencyError): void => {
    if (!isDead) onWorkerExit(error);
    isDead = true;
  };
  const writerWorker = startWorker(new URL('./writer.ts', import.meta.url), {
    folder,
    identity: holdsStore ? identity : null,
    partitions,
    bounds,
  } satisfies WriterOptions);
  const writer = new WorkerClient<WriterApi>(writerWorker, 'database writer', diedOnce);
  // Loads while the writer opens the file, and waits at the gate until there is a schema to read.
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const readerWorker = startWorker(new URL('./reader.ts', import.meta.url), {
    folder,
    dimensions: identity.dimensions,
    copiesVectors: holdsStore,
    gate,
  } satisfies ReaderOptions);
  const reader = new WorkerClient<ReaderApi>(readerWorker, 'database reader', diedOnce);
  try {
    await writer.ready();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await reader.ready();
  } catch (error) {
    await readerWorker.terminate();
    await writer.close();
    throw error;
  }

  let analystWorker: Worker | null = null;
  let analyst: WorkerClient<ReaderApi> | null = null;
  const startAnalyst = (): WorkerClient<ReaderApi> => {
    analystWorker = startWorker(new URL('./reader.ts', import.meta.url), {
      folder,
      dimensions: identity.dimensions,
      copiesVectors: false,
      gate,
    } satisfies ReaderOptions);
    return new WorkerClient<ReaderApi>(analystWorker, 'second database reader', diedOnce);
  };

  const stopping = new AbortController();
  const appended = new Set<() => void>();
  const retention = keepRetention(writer, clock, stopping.signal);

  return {
    sink: createEmbeddedSink(writer, topic, () => {
      for (const wake of appended) wake();
    }),
    source: (groupId, own) =>
      createEmbeddedSource(
        { writer, reader, topic, groupId, clock, appended },
        { ...sourceDefaults, ...own },
      ),
    store: createEmbeddedStore(
      { writer, reader, analyst: () => (analyst ??= startAnalyst()) },
      { dimensions: identity.dimensions, clock, searchPlan },
    ),
    deadLetters: createEmbeddedDeadLetters(writer, reader),
    async kill() {
      isDead = true;
      stopping.abort();
      await Promise.all([
        writerWorker.terminate(),
        readerWorker.terminate(),
        analystWorker?.terminate(),
        retention,
      ]);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await retention;
      await Promise.all([reader.close(), analyst?.close()]);
      await writer.close();
    },
  };
}

/**
 * `node:sqlite` is marked experimental in Node 24, which is no news to whoever runs a gateway. What
 * a worker receives is garbage as soon as it is written: the default nursery would let tens of MB
 * of it pile up in each.
 */
function startWorker(file: URL, data: WriterOptions | ReaderOptions): Worker {
  return new Worker(file, {
    workerData: data,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxYoungGenerationSizeMb: 6 },
  });
}

/** Ends when the signal aborts. */
async function keepRetention(
  writer: WorkerClient<WriterApi>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let more = false;
    try {
      ({ more } = await writer.call('retain', { now: clock.now(), rowsMax: retentionRows }));
    } catch {
      // What keeps it from deleting keeps the sink from appending, and is reported there. It is
      // tried again.
    }
    if (!more) await clock.sleep(retentionIntervalMs, signal).catch(() => {});
  }
}
