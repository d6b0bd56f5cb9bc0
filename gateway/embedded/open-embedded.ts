// Opens a data folder: one SQLite file that holds the event log, the vector store and the dead
// letters of one gateway.
//
//   gateway's thread ──► writer worker (one transaction for all that waits) ──► vectorstream.db
//                   ├──► reader worker (searches, log reads, lists) ◄─────────── (snapshots)
//                   └──► second reader, started for the first query that may take long

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
import { defaultLog } from '../config/settings/ingest-section.ts';
import { startDatabaseWorkers } from './database-workers.ts';
import { createEmbeddedDeadLetters } from './embedded-dead-letters.ts';
import { createEmbeddedSink } from './embedded-sink.ts';
import {
  createEmbeddedSource,
  type EmbeddedSourceOptions,
  sourceDefaults,
} from './embedded-source.ts';
import { createEmbeddedStore } from './embedded-store.ts';
import { runLogRetention } from './log-retention.ts';
import type { LogBounds } from './sql/log-writes.ts';

export type EmbeddedOptions = {
  readonly dataDir: string;
  readonly identity: IndexIdentity;
  /**
   * Whether the folder holds texts and events too. A folder that holds only a log and dead letters
   * works with every index.
   */
  readonly holdsStore: boolean;
  /** Names the log in positions. */
  readonly topic: string;
  /** Partitions of a new log, 1…64. An existing log keeps its partitions when it has more. */
  readonly partitions: number;
  readonly log: LogBounds;
  readonly searchPlan: SearchPlan;
  readonly clock: Clock;
  /**
   * Called at most once, when a database worker has died or found its file damaged, removed or
   * replaced. Nothing can be read or written after that, so the gateway must end.
   */
  readonly onWorkerExit: (error: DependencyError) => void;
};

const embeddedDefaults = {
  partitions: defaultLog.partitions,
  log: defaultLog,
  searchPlan: 'auto',
  holdsStore: true,
} as const satisfies Partial<EmbeddedOptions>;

/** Dispose every source before this. */
export type Embedded = AsyncDisposable & {
  readonly sink: EventSink;
  /** A source for a consumer group, which must have no other source at that time. */
  source(groupId: string, options?: Partial<EmbeddedSourceOptions>): Promise<EventSource>;
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  /** Ends the workers at once, as a crash would, so that tests can check what survives. */
  kill(): Promise<void>;
};

/**
 * @throws UsageError when the folder cannot be written, is in use by another process, or holds a
 *   damaged file or one of a newer version
 * @throws IndexMismatchError when the folder holds an index of another model
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

  const workers = await startDatabaseWorkers({
    writer: { folder, identity: holdsStore ? identity : null, partitions, bounds },
    dimensions: identity.dimensions,
    copiesVectors: holdsStore,
    onWorkerExit,
  });
  const { writer, reader } = workers;
  const stopping = new AbortController();
  const onAppend = new Set<() => void>();
  const retention = runLogRetention(writer, clock, stopping.signal);

  return {
    sink: createEmbeddedSink(writer, topic, () => {
      for (const notify of onAppend) notify();
    }),
    source: (groupId, own) =>
      createEmbeddedSource(
        { writer, reader, topic, groupId, clock, onAppend },
        { ...sourceDefaults, ...own },
      ),
    store: createEmbeddedStore(workers, { dimensions: identity.dimensions, clock, searchPlan }),
    deadLetters: createEmbeddedDeadLetters(writer, reader),
    async kill() {
      stopping.abort();
      await Promise.all([workers.kill(), retention]);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await retention;
      await workers[Symbol.asyncDispose]();
    },
  };
}
