// Carries one delivery through the stages of the pipeline, and settles it once its outcome is
// durable.
//
//     Delivery ─parseEvent─► ProductEvent ─documentOf─► Document ─texts.ensure─► text stored
//        │                                                                         │ writeEvent
//        │ Rejection                                           failure             ▼
//        └───────────────────────► writeDeadLetter ◄───────────────────────── event stored
//                                        └────────────────► Outcome ◄──────────────┘
//                                                              └─► settle

import { assert } from '#core/errors/assert.ts';
import { deadLetterId } from '#core/event/dead-letter-id.ts';
import { show } from '#core/event/json-guard.ts';
import { type EventLimits, isRejection, parseEvent } from '#core/event/parse-event.ts';
import { documentOf } from '#core/event/text.ts';
import type {
  Clock,
  DeadLetter,
  Delivery,
  EventRecord,
  Outcome,
  ProductEvent,
  Rejection,
  WriteOutcome,
} from '#core/ports.ts';
import type { PipelineObserver } from './pipeline-observer.ts';
import type { TextResolver } from './text-resolver.ts';

export type Stages = {
  readonly clock: Clock;
  readonly eventLimits: EventLimits;
  readonly texts: TextResolver;
  readonly writeEvent: (record: EventRecord) => Promise<WriteOutcome>;
  readonly writeDeadLetter: (deadLetter: DeadLetter) => Promise<void>;
  readonly observer: Pick<PipelineObserver, 'stored' | 'superseded' | 'deadLettered'>;
};

/** The event is in the store. */
type Stored = Extract<Outcome, { readonly status: 'stored' | 'superseded' }>;

/** The event goes to the dead-letter queue: why, and who tried to process it. */
type Failure = {
  readonly status: 'failed';
  readonly rejection: Rejection;
  readonly attempts: number;
  readonly runner: string | null;
};

/**
 * Resolves once the delivery is settled. Rejects, and leaves it unsettled, when the pipeline stops
 * or an invariant is broken.
 */
export async function processDelivery(delivery: Delivery, stages: Stages): Promise<void> {
  const event = parseEvent(delivery.value, stages.clock.now(), stages.eventLimits);
  const result = isRejection(event) ? failed(event) : await storeEvent(event, delivery, stages);
  const outcome =
    result.status === 'failed' ? await putDeadLetter(delivery, result, stages) : result;
  delivery.settle(outcome);
}

async function storeEvent(
  event: ProductEvent,
  delivery: Delivery,
  stages: Stages,
): Promise<Stored | Failure> {
  const { clock, observer } = stages;
  const result = await writeWithText(event, stages);
  if (result.status === 'failed') return result;
  if (result.status === 'superseded') observer.superseded();
  const latencySeconds = Math.max(0, clock.now() - delivery.timestamp) / 1000;
  observer.stored(latencySeconds, event, delivery);
  return result;
}

/** Writes the event after its text, because the store accepts only events whose text it has. */
async function writeWithText(
  event: ProductEvent,
  { clock, texts, writeEvent }: Stages,
): Promise<Stored | Failure> {
  const { eventId } = event;
  const document = documentOf(event);
  const { textId } = document;
  for (let attempt = 1; ; attempt++) {
    const text = await texts.ensure(document);
    if (!text.ok) {
      const { reason, message, attempts, runner } = text;
      return failed({ reason, message, field: null, eventId }, { attempts, runner });
    }
    const written = await writeEvent({ event, textId, ingestedAt: clock.now() });
    if (written.status === 'stored' || written.status === 'superseded') return written;
    if (written.status === 'rejected') {
      const { message } = written;
      return failed({ reason: 'store_rejected', message, field: null, eventId });
    }
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

function idConflict({ eventId, id }: ProductEvent, rawId: string): Rejection {
  const message =
    `event_id: got ${show(eventId)}, which is stored under the id ${id}, as the event ` +
    `${show(rawId)} is already; allowed: an event_id that is neither the UUIDv5 of another one ` +
    'nor the text of one';
  return { reason: 'id_conflict', message, field: 'event_id', eventId };
}

function failed(
  rejection: Rejection,
  tried: Pick<Failure, 'attempts' | 'runner'> = { attempts: 1, runner: null },
): Failure {
  return { status: 'failed', rejection, ...tried };
}

async function putDeadLetter(
  delivery: Delivery,
  failure: Failure,
  { clock, observer, writeDeadLetter }: Stages,
): Promise<Outcome> {
  const deadLetter = deadLetterOf(delivery, failure, clock.now());
  await writeDeadLetter(deadLetter);
  observer.deadLettered(deadLetter);
  return { status: 'dead-lettered', reason: deadLetter.reason };
}

function deadLetterOf(delivery: Delivery, failure: Failure, failedAt: number): DeadLetter {
  const { position, key, value, headers, timestamp } = delivery;
  const { rejection, attempts, runner } = failure;
  return {
    id: deadLetterId(position, delivery),
    origin: position,
    key,
    value,
    headers,
    timestamp,
    ...rejection,
    failedAt,
    attempts,
    runner,
  };
}

const textAttemptsMax = 5;
