// Takes events from a source and brings each one to its outcome: stored, or in the dead-letter
// queue. Only then is it settled, so that a crash loses nothing.
//
//     source ──► Delivery ──► processDelivery (see its file) ──► Outcome ──► settle ──► commit
//
// Many deliveries are in flight at once. Their writes are batched, and a dependency that is down
// stops the intake until it is back.

import { schemaIdOf, type SchemaRegistry } from '#core/decode/record-schema.ts';
import type { ErasedEvents } from '#core/erasure/tombstones.ts';
import { at } from '#core/errors/assert.ts';
import type { EventLimits } from '#core/event/parse-event.ts';
import { recordBytes } from '#core/event/record-bytes.ts';
import { type MappingSet, noMappings } from '#core/mapping/record-mapping.ts';
import type {
  Clock,
  DeadLetters,
  Delivery,
  EmbeddingService,
  EventRecord,
  EventSource,
  Provenance,
  VectorStore,
  WriteOutcome,
} from '#core/ports.ts';
import { within } from '#core/time/deadline.ts';
import { type Backoff, retry, type RetryOptions, withoutEnd } from '#core/time/retry.ts';
import { batchBytesMax } from './batched-calls.ts';
import { createBatchedStages } from './batched-stages.ts';
import type { ChangeFeed } from './changes/change-feed.ts';
import type { CircuitPolicy } from './circuit-breaker.ts';
import { dependencyOf, Guard, isRetryable } from './dependency-guard.ts';
import { InFlightLimit } from './in-flight-limit.ts';
import type { PipelineObserver } from './pipeline-observer.ts';
import { type EndedParts, processDelivery, type Stages } from './process-delivery.ts';
import { createStoreWriter } from './store-writer.ts';
import { createTextResolver } from './text-resolver.ts';

/**
 * Bounds of the pipeline. Each is read at every use, so a getter may return a setting that changes
 * while the pipeline runs. Exceptions: `event`, `mappings`, `schemas`, `changes`,
 * `knownTextAgeMsMax` and `drainMsMax` are constant.
 */
export type PipelineLimits = {
  readonly event: EventLimits;
  /** Mappings for records in other formats. */
  readonly mappings: MappingSet;
  /** `null`: of the records with a schema id, only JSON is read. */
  readonly schemas: SchemaRegistry | null;
  /** Who is told of every stored event before it settles; `null`: nobody. */
  readonly changes: ChangeFeed | null;
  /** Unsettled events at once, by count and by `recordBytes`. */
  readonly unsettledMax: number;
  readonly unsettledBytesMax: number;
  /** How long an item waits for its batch to fill, ms. */
  readonly batchAgeMsMax: number;
  /** Store calls at once, of each kind: look-ups, writes of texts, writes of events. */
  readonly writesInFlightMax: number;
  readonly knownTextsMax: number;
  readonly knownTextAgeMsMax: number;
  /** How long pending writes may take after the signal, ms. */
  readonly drainMsMax: number;
  readonly backoff: Backoff;
  readonly circuit: CircuitPolicy;
};

export const defaultPipelineLimits: Omit<PipelineLimits, 'event'> = {
  mappings: noMappings,
  schemas: null,
  changes: null,
  unsettledMax: 2_048,
  unsettledBytesMax: 64 * 1024 * 1024,
  batchAgeMsMax: 5,
  writesInFlightMax: 2,
  knownTextsMax: 100_000,
  knownTextAgeMsMax: 10 * 60_000,
  drainMsMax: 2_000,
  backoff: { delayMs: 100, delayMsMax: 10_000 },
  circuit: { failuresMax: 5, delayMs: 1_000, delayMsMax: 15_000 },
};

export type PipelineOptions = {
  readonly source: EventSource;
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  readonly embedding: EmbeddingService;
  /** Events that are kept nowhere. */
  readonly erased: ErasedEvents;
  /** See `TextResolverOptions`. */
  readonly isDistrusted: (provenance: Provenance) => boolean;
  readonly clock: Clock;
  /** Uniform in [0, 1), and a different sequence in every gateway. */
  readonly random: () => number;
  readonly limits: PipelineLimits;
  readonly observer: PipelineObserver;
  /**
   * Stops the intake. Events whose text is already embedded are still written. All others stay
   * unsettled and are delivered again after a restart.
   */
  readonly signal: AbortSignal;
};

/**
 * Resolves after the signal aborts and no event is in flight. Rejects when the source fails or a
 * port breaks its contract.
 */
export async function runPipeline(options: PipelineOptions): Promise<void> {
  const { source, clock, random, limits, observer } = options;
  const broken = new AbortController();
  const intake = AbortSignal.any([options.signal, broken.signal]);
  const writes = new AbortController();
  const inFlight = new InFlightLimit(limits);
  const guards = createGuards(options, { intake, writes: writes.signal });
  const stages = createStages(options, guards, intake);

  /** An error that no repetition can help, without a stop, ends the pipeline. */
  const fail = (error: unknown): void => {
    if (!intake.aborted) broken.abort(error);
  };
  // The guards repeat single calls. Any other error that may pass, such as a fleet that is full,
  // repeats the delivery, which is not settled yet.
  const repeats: RetryOptions = {
    policy: withoutEnd(limits.backoff),
    clock,
    random,
    signal: intake,
    retryable: isRetryable,
    onRetry: (error) => observer.retried(dependencyOf(error), error),
  };
  const start = (delivery: Delivery): void => {
    const leave = inFlight.enter(recordBytes(delivery));
    const ended: EndedParts = new Map();
    retry(() => processDelivery(delivery, stages, ended), repeats).then(leave, (error: unknown) => {
      fail(error);
      leave();
    });
  };

  try {
    for await (const deliveries of source.deliveries(intake)) {
      observer.received(deliveries.length);
      for (const delivery of deliveries) {
        if (inFlight.isFull) await inFlight.available(intake);
        start(delivery);
      }
      await guards.store.whenClosed(intake);
      await guards.deadLetters.whenClosed(intake);
      await guards.schemas.whenClosed(intake);
      await guards.sink.whenClosed(intake);
    }
  } catch (error) {
    fail(error);
  } finally {
    const drained = inFlight.empty();
    await within(drained, {
      ms: limits.drainMsMax,
      clock,
      late: () => writes.abort(new Error('The time for pending writes is over.')),
    });
    await drained;
    writes.abort();
  }
  if (broken.signal.aborted) throw broken.signal.reason;
}

type Guards = Readonly<Record<'store' | 'deadLetters' | 'schemas' | 'sink', Guard>>;

function createGuards(
  { clock, random, limits, observer }: PipelineOptions,
  { intake, writes }: Readonly<Record<'intake' | 'writes', AbortSignal>>,
): Guards {
  const { backoff, circuit } = limits;
  const shared = { backoff, circuit, clock, random, signal: writes, observer };
  return {
    schemas: new Guard({
      ...shared,
      dependency: 'schema_registry',
      retryable: isRetryable,
      signal: intake,
    }),
    store: new Guard({ ...shared, dependency: 'store', retryable: isRetryable }),
    sink: new Guard({ ...shared, dependency: 'sink', retryable: isRetryable }),
    // A dead letter has nowhere else to go, so every failure to put it is tried again.
    deadLetters: new Guard({ ...shared, dependency: 'dead_letters', retryable: () => true }),
  };
}

function createStages(options: PipelineOptions, guards: Guards, intake: AbortSignal): Stages {
  const { store, deadLetters, embedding, isDistrusted, clock, random, limits, observer } = options;
  const { erased } = options;
  const { schemas, changes } = limits;
  return {
    erased,
    clock,
    observer,
    eventLimits: limits.event,
    mappings: limits.mappings,
    schemaOf(value) {
      const id = schemas === null ? null : schemaIdOf(value);
      if (schemas === null || id === null) return null;
      return schemas.known(id) ?? guards.schemas.call(() => schemas.fetch(id));
    },
    texts: createTextResolver({
      store,
      embedding,
      guard: guards.store,
      clock,
      random,
      limits,
      observer,
      isDistrusted,
      signal: intake,
    }),
    writeEvent: createStoreWriter<EventRecord, WriteOutcome>({
      countMax: store.batchMax.events,
      weightMax: batchBytesMax,
      weightOf: ({ event }) => event.payload.length,
      limits,
      clock,
      guard: guards.store,
      observer,
      write: (records) => putUnlessErased(store, erased, records),
    }),
    ...createBatchedStages({ deadLetters, erased, changes, guards, clock, limits, intake }),
  };
}

/** Looks again right before the write, so that what is erased meanwhile does not come back. */
async function putUnlessErased(
  store: VectorStore,
  erased: ErasedEvents,
  records: readonly EventRecord[],
): Promise<readonly WriteOutcome[]> {
  await erased.upToDate();
  if (erased.isEmpty) return store.putEvents(records);
  const isErased = records.map(({ event, madeAt }) =>
    erased.covers(event, madeAt ?? event.timestamp),
  );
  const kept = records.filter((_, index) => isErased[index] === false);
  const written = kept.length === 0 ? [] : await store.putEvents(kept);
  let next = 0;
  return isErased.map((is) => (is ? { status: 'erased' } : at(written, next++)));
}
