// Carries every delivery to its end: stored, or in the dead-letter queue with its reason, and only
// then settled.
//
//     Delivery → ProductEvent | Rejection → Document → text stored with its vector → event stored → settle

import { assert } from '#core/errors/assert.ts';
import { type EventLimits, isRejection, parseEvent } from '#core/event/parse-event.ts';
import { documentOf } from '#core/event/text.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type {
  Clock,
  DeadLetter,
  DeadLetters,
  Delivery,
  EmbeddingService,
  EventRecord,
  EventSource,
  Outcome,
  ProductEvent,
  Provenance,
  Rejection,
  VectorStore,
  WriteOutcome,
} from '#core/ports.ts';
import type { Backoff } from '#core/time/retry.ts';
import { createBatchedCalls } from './batched-calls.ts';
import { writeBisecting } from './bisecting-write.ts';
import type { CircuitPolicy } from './circuit-breaker.ts';
import { Guard, isRetryable } from './guard.ts';
import { InFlightLimit } from './in-flight-limit.ts';
import type { PipelineObserver } from './pipeline-observer.ts';
import { createTextResolver, type TextOutcome } from './text-resolver.ts';

/**
 * Those that the settings let change live are read again at every use: getters serve as well as
 * values.
 */
export type PipelineLimits = {
  readonly event: EventLimits;
  /** Events in hand at once, by count and by bytes of their records. */
  readonly unsettledMax: number;
  readonly unsettledBytesMax: number;
  /** How long a write waits for company, ms. */
  readonly batchAgeMsMax: number;
  readonly writesInFlightMax: number;
  readonly knownTextsMax: number;
  readonly knownTextAgeMsMax: number;
  /** How long writes in hand may still take after the signal, ms. */
  readonly drainMsMax: number;
  readonly backoff: Backoff;
  readonly circuit: CircuitPolicy;
};

export const defaultPipelineLimits: Omit<PipelineLimits, 'event'> = {
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
  /** See `TextResolverOptions`. */
  readonly isDistrusted: (provenance: Provenance) => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: PipelineLimits;
  readonly observer: PipelineObserver;
  /**
   * Stops the intake; what is embedded already is still written, what is not stays unsettled and
   * comes again.
   */
  readonly signal: AbortSignal;
};

/**
 * Resolves after the signal, once nothing is in hand. Rejects when the source or a port breaks its
 * contract.
 */
export async function runPipeline(options: PipelineOptions): Promise<void> {
  const { source, store, deadLetters, embedding, clock, random, limits, observer } = options;
  const broken = new AbortController();
  const intake = AbortSignal.any([options.signal, broken.signal]);
  const writes = new AbortController();
  const room = new InFlightLimit(limits);

  const guard = (dependency: string, retryable: (error: unknown) => boolean): Guard =>
    new Guard({
      dependency,
      retryable,
      backoff: limits.backoff,
      circuit: limits.circuit,
      clock,
      random,
      signal: writes.signal,
      observer,
    });
  const storeGuard = guard('store', isRetryable);
  // A dead letter has nowhere else to go, so that every failure to put it is waited out.
  const deadLetterGuard = guard('dead_letters', () => true);

  const texts = createTextResolver({
    store,
    embedding,
    guard: storeGuard,
    clock,
    limits,
    observer,
    isDistrusted: options.isDistrusted,
    signal: intake,
  });

  const putEvent = createBatchedCalls<EventRecord, WriteOutcome>({
    countMax: store.batchMax.events,
    weightMax: writeCharactersMax,
    weightOf: ({ event }) => event.payload.length,
    get ageMsMax() {
      return limits.batchAgeMsMax;
    },
    get concurrency() {
      return limits.writesInFlightMax;
    },
    clock,
    run: async (records) => {
      const startedAt = clock.monotonic();
      const outcomes = await writeBisecting(records, (part) =>
        storeGuard.call(() => store.putEvents(part)),
      );
      observer.storeWrite((clock.monotonic() - startedAt) / 1000);
      return outcomes;
    },
  });

  const putDeadLetter = createBatchedCalls<DeadLetter, void>({
    countMax: deadLetterBatchMax,
    weightMax: writeCharactersMax,
    weightOf: ({ value }) => value.length,
    get ageMsMax() {
      return limits.batchAgeMsMax;
    },
    concurrency: 1,
    clock,
    run: async (letters) => {
      await deadLetterGuard.call(() => deadLetters.put(letters));
      return letters.map(() => undefined);
    },
  });

  /**
   * Brings one delivery to its end and settles it. Leaves it unsettled only when the pipeline is
   * told to stop.
   */
  async function carry(delivery: Delivery): Promise<void> {
    const parsed = parseEvent(delivery.value, clock.now(), limits.event);
    const outcome = isRejection(parsed)
      ? await bury(delivery, parsed, null)
      : await storeEvent(delivery, parsed);
    if (outcome.status === 'superseded') observer.superseded();
    if (!isRejection(parsed) && outcome.status !== 'dead-lettered')
      observer.stored(
        Math.max(0, clock.now() - delivery.timestamp) / 1000,
        parsed.eventId,
        delivery,
      );
    delivery.settle(outcome);
  }

  async function storeEvent(delivery: Delivery, event: ProductEvent): Promise<Outcome> {
    const document = documentOf(event);
    for (let attempt = 1; ; attempt++) {
      const text = await texts.ensure(document);
      if (!text.ok)
        return bury(
          delivery,
          { reason: text.reason, message: text.message, field: null, eventId: event.eventId },
          text,
        );
      const outcome = await putEvent({ event, textId: document.textId, ingestedAt: clock.now() });
      if (outcome.status === 'stored' || outcome.status === 'superseded') return outcome;
      if (outcome.status === 'rejected') {
        return bury(
          delivery,
          {
            reason: 'store_rejected',
            message: outcome.message,
            field: null,
            eventId: event.eventId,
          },
          null,
        );
      }
      // The text was forgotten between the look-up and the write: put it again, then the event.
      assert(
        attempt < textAttemptsMax,
        `text ${document.textId} was put ${attempt} times and is still missing`,
      );
      texts.forget(document.textId);
    }
  }

  async function bury(
    delivery: Delivery,
    rejection: Rejection,
    failure: Extract<TextOutcome, { ok: false }> | null,
  ): Promise<Outcome> {
    const { position, key, value, headers, timestamp } = delivery;
    const letter: DeadLetter = {
      id: uuidV5(`${position.topic}/${position.partition}/${position.offset}`),
      origin: position,
      key,
      value,
      headers,
      timestamp,
      ...rejection,
      failedAt: clock.now(),
      attempts: failure?.attempts ?? 1,
      runner: failure?.runner ?? null,
    };
    await putDeadLetter(letter);
    observer.deadLettered(letter);
    return { status: 'dead-lettered', reason: rejection.reason };
  }

  /**
   * An event ends by being settled or by the stop; anything else is a broken invariant and ends the
   * pipeline.
   */
  function start(delivery: Delivery): void {
    const leave = room.enter(delivery.value.length);
    carry(delivery)
      .catch((error: unknown) => {
        if (!intake.aborted) broken.abort(error);
      })
      .finally(leave);
  }

  try {
    for await (const deliveries of source.deliveries(intake)) {
      observer.received(deliveries.length);
      for (const delivery of deliveries) {
        await room.available(intake);
        start(delivery);
      }
      await storeGuard.whenClosed(intake);
      await deadLetterGuard.whenClosed(intake);
    }
  } catch (error) {
    if (!intake.aborted) broken.abort(error);
  } finally {
    const drained = new AbortController();
    void clock.sleep(limits.drainMsMax, drained.signal).then(
      () => writes.abort(new Error('The time to finish writes is over.')),
      () => undefined,
    );
    await room.empty();
    drained.abort();
    writes.abort();
  }
  if (broken.signal.aborted) throw broken.signal.reason;
}

/** Keeps one write below a few megabytes whatever the size of its events. */
const writeCharactersMax = 4 * 1024 * 1024;
const deadLetterBatchMax = 256;
const textAttemptsMax = 5;
