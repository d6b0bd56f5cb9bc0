// Carries one delivery through the stages of the pipeline, and settles it once its outcome is
// durable. A record that deletes something takes another way: see `deleteOlder`.
//
//     Delivery ─readRecord─► ProductEvent ─documentOf─► Document ─texts.ensure─► text stored
//        │                                                                         │ writeEvent
//        │ Rejection                                           failure             ▼
//        └───────────────────────► writeDeadLetter ◄───────────────────────── event stored
//                                        └────────────────► Outcome ◄── tell sink ─┘
//                                                              └─► settle

import { readRecord } from '#core/decode/read-record.ts';
import type { Part } from '#core/decode/read-value.ts';
import type { RecordSchema } from '#core/decode/record-schema.ts';
import { concernedIn, erasedHeader } from '#core/erasure/record-concerns.ts';
import type { ErasedEvents } from '#core/erasure/tombstones.ts';
import { assert, at } from '#core/errors/assert.ts';
import { collectedByHeader } from '#core/event/collected-event.ts';
import { deadLetterId } from '#core/event/dead-letter-id.ts';
import { show } from '#core/event/json-guard.ts';
import { type EventLimits, isRejection, type ReadEvent } from '#core/event/parse-event.ts';
import { pieceHeader } from '#core/event/record-id.ts';
import { documentOf } from '#core/event/text.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { MappingSet } from '#core/mapping/record-mapping.ts';
import type {
  Clock,
  DeadLetter,
  DeadLetterReason,
  DeletedSubject,
  Deletion,
  Delivery,
  EventRecord,
  Outcome,
  ProductEvent,
  Rejection,
  WriteOutcome,
} from '#core/ports.ts';
import type { WrittenEvent } from './changes/change-feed.ts';
import type { PipelineObserver } from './pipeline-observer.ts';
import type { TextResolver } from './text-resolver.ts';

export type Stages = {
  readonly clock: Clock;
  readonly eventLimits: EventLimits;
  readonly mappings: MappingSet;
  /** The schema of a record that needs one; `null` for any other record. */
  readonly schemaOf: (value: Uint8Array) => RecordSchema | null | Promise<RecordSchema>;
  readonly texts: TextResolver;
  readonly writeEvent: (record: EventRecord) => Promise<WriteOutcome>;
  /** Tells the sink of an event that the store has; `null` without a sink. */
  readonly tell: ((written: WrittenEvent) => Promise<void>) | null;
  readonly writeDeadLetter: (deadLetter: DeadLetter) => Promise<void>;
  readonly erased: Omit<ErasedEvents, 'delete'>;
  /** See `ErasedEvents.delete`. */
  readonly deleteOlder: (deletion: Deletion) => Promise<void>;
  readonly observer: Pick<
    PipelineObserver,
    | 'received'
    | 'stored'
    | 'superseded'
    | 'changed'
    | 'ignored'
    | 'deleted'
    | 'deadLettered'
    | 'erased'
  >;
};

/** The event is in the store. */
type Stored = Extract<Outcome, { readonly status: 'stored' | 'superseded' }>;

type Erased = Extract<Outcome, { readonly status: 'erased' }>;

const isFinal = (written: WriteOutcome): written is Stored | Erased =>
  written.status === 'stored' || written.status === 'superseded' || written.status === 'erased';

/** The event goes to the dead-letter queue: why, and who tried to process it. */
type Failure = {
  readonly status: 'failed';
  readonly rejection: Rejection;
  readonly attempts: number;
  readonly runner: string | null;
};

/** The outcomes of a delivery's events so far, by their place in the record. */
export type EndedParts = Map<number, Outcome>;

/**
 * Resolves once the delivery is settled, which is when each of its events has ended. Rejects, and
 * leaves it unsettled, when the pipeline stops or an invariant is broken.
 *
 * @param ended is added to; what has ended in an earlier attempt is not done again
 */
export async function processDelivery(
  delivery: Delivery,
  stages: Stages,
  ended: EndedParts,
): Promise<void> {
  if (delivery.headers[erasedHeader] !== undefined && delivery.value.length === 0)
    return delivery.settle(erased(stages));
  const found = stages.schemaOf(delivery.value);
  const schema = found instanceof Promise ? await found : found;
  // The later of two clocks: that this machine's clock is slow makes no event invalid.
  const now = Math.max(stages.clock.now(), delivery.timestamp);
  const { eventLimits: limits, mappings } = stages;
  const parts = readRecord(delivery, { now, limits, mappings }, schema);
  const [only] = parts;
  if (only !== undefined && parts.length === 1)
    return delivery.settle(await processPart(only, delivery, stages));
  const attempts = await Promise.allSettled(
    parts.map(async (part, index) => {
      if (!ended.has(index)) ended.set(index, await processPart(part, delivery, stages));
    }),
  );
  for (const attempt of attempts) if (attempt.status === 'rejected') throw attempt.reason;
  stages.observer.received(parts.length - 1);
  delivery.settle(outcomeOf([...ended.values()]));
}

/** The outcome of a record: dead-lettered if one of its events is, otherwise stored if one is. */
function outcomeOf(outcomes: readonly Outcome[]): Outcome {
  const first = (status: Outcome['status']) =>
    outcomes.find((outcome) => outcome.status === status);
  return first('dead-lettered') ?? first('stored') ?? at(outcomes, 0);
}

async function processPart(
  { read, piece }: Part,
  delivery: Delivery,
  stages: Stages,
): Promise<Outcome> {
  if ('ignored' in read) {
    stages.observer.ignored(read.ignored);
    return { status: 'ignored' };
  }
  if ('deletes' in read) return deleteOlder(read.deletes, delivery, stages);
  const isErased = (): boolean =>
    !stages.erased.isEmpty &&
    stages.erased.covers(
      isRejection(read)
        ? concernedIn({ key: delivery.key, value: piece?.value() ?? delivery.value })
        : read.event,
      delivery.timestamp,
    );
  if (isErased()) return erased(stages);
  const result = isRejection(read) ? failed(read) : await storeEvent(read, delivery, stages);
  // The look before may be long ago: a text waits for runners.
  if (result.status === 'failed') await stages.erased.upToDate();
  if (result.status === 'erased' || (result.status === 'failed' && isErased()))
    return erased(stages);
  if (result.status !== 'failed') return result;
  return putDeadLetter(delivery, piece, result, stages);
}

/** The version of the delete is the time of its record, so that a replay deletes nothing more. */
async function deleteOlder(
  subject: DeletedSubject,
  { timestamp }: Delivery,
  { clock, eventLimits, observer, deleteOlder: apply }: Stages,
): Promise<Outcome> {
  // A record from a clock that is far ahead must not delete what comes later.
  const until = Math.min(timestamp, clock.now() + eventLimits.timestampAheadMsMax);
  await apply({ subject, at: until });
  observer.deleted(subject.kind);
  return { status: 'deleted' };
}

function erased({ observer }: Stages): Erased {
  observer.erased();
  return { status: 'erased' };
}

async function storeEvent(
  { event, changes }: ReadEvent,
  delivery: Delivery,
  stages: Stages,
): Promise<Stored | Failure | Erased> {
  const { clock, observer } = stages;
  const insertOnly = delivery.headers[collectedByHeader] !== undefined;
  const result = await writeWithText(event, { insertOnly, madeAt: delivery.timestamp }, stages);
  if (result.status === 'failed' || result.status === 'erased') return result;
  if (result.status === 'superseded') observer.superseded();
  const latencySeconds = Math.max(0, clock.now() - delivery.timestamp) / 1000;
  if (changes.length > 0) observer.changed(changes);
  observer.stored(latencySeconds, event, delivery);
  return result;
}

/** Writes the event after its text, because the store accepts only events whose text it has. */
async function writeWithText(
  event: ProductEvent,
  origin: Pick<EventRecord, 'insertOnly' | 'madeAt'>,
  { clock, texts, writeEvent, tell }: Stages,
): Promise<Stored | Failure | Erased> {
  const document = documentOf(event);
  const { textId } = document;
  for (let attempt = 1; ; attempt++) {
    const text = await texts.ensure(document);
    if (!text.ok) {
      const { reason, message, attempts, runner } = text;
      return failed(problemOf(event, reason, message), { attempts, runner });
    }
    const record = { event, textId, ingestedAt: clock.now(), ...origin };
    const written = await writeEvent(record);
    if (isFinal(written)) {
      if (written.status !== 'erased')
        await tell?.({ record, isSuperseded: written.status === 'superseded' });
      return written;
    }
    if (written.status === 'rejected')
      return failed(problemOf(event, 'store_rejected', written.message));
    if (written.status === 'id-conflict') return failed(idConflict(event, written.rawId));
    // The store forgot the text between the look-up and the write: put the text again, then the
    // event.
    assert(
      attempt < textAttemptsMax,
      `Text ${textId} was put ${attempt} times and is still missing`,
    );
    texts.forget(textId);
  }
}

function problemOf(
  { eventId }: ProductEvent,
  reason: DeadLetterReason,
  message: string,
): Rejection {
  return { reason, message, field: null, eventId, timestampAhead: null };
}

function idConflict(event: ProductEvent, rawId: string): Rejection {
  const { eventId, id } = event;
  const message =
    `event_id: got ${show(eventId)}, which is stored under the id ${id}, as the event ` +
    `${show(rawId)} is already; allowed: an event_id that is neither the UUIDv5 of another one ` +
    'nor the text of one';
  return { ...problemOf(event, 'id_conflict', message), field: 'event_id' };
}

function failed(
  rejection: Rejection,
  tried: Pick<Failure, 'attempts' | 'runner'> = { attempts: 1, runner: null },
): Failure {
  return { status: 'failed', rejection, ...tried };
}

async function putDeadLetter(
  delivery: Delivery,
  piece: Part['piece'],
  failure: Failure,
  { clock, observer, writeDeadLetter }: Stages,
): Promise<Outcome> {
  const deadLetter = deadLetterOf(pieceOf(delivery, piece), failure, clock.now());
  await writeDeadLetter(deadLetter);
  observer.deadLettered(deadLetter, failure.rejection.timestampAhead);
  return { status: 'dead-lettered', reason: deadLetter.reason };
}

type Piece = Pick<DeadLetter, 'id' | 'key' | 'value' | 'headers' | 'timestamp' | 'origin'>;

/** A piece is a dead letter of its own, so that it can be corrected and replayed alone. */
function pieceOf(delivery: Delivery, piece: Part['piece']): Piece {
  const { key, headers, timestamp, position: origin } = delivery;
  const value = piece?.value() ?? delivery.value;
  const id = deadLetterId(origin, { key, value, timestamp });
  if (piece === null) return { id, key, value, headers, timestamp, origin };
  return {
    id: uuidV5(`${id}/${piece.index}`),
    key,
    value,
    headers: { ...headers, [pieceHeader]: new TextEncoder().encode(piece.index) },
    timestamp,
    origin,
  };
}

function deadLetterOf(piece: Piece, failure: Failure, failedAt: number): DeadLetter {
  const { rejection, attempts, runner } = failure;
  const { reason, message, field, eventId } = rejection;
  return {
    ...piece,
    reason,
    message,
    field,
    eventId,
    failedAt,
    attempts,
    runner,
  };
}

const textAttemptsMax = 5;
