// Writes the events of a request to the log, portion by portion, and keeps one result per event, in
// order.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from '@hono/zod-openapi';
import { readByMapping } from '#core/decode/read-record.ts';
import type { EventRead } from '#core/decode/read-value.ts';
import { collectedByHeader, collectedEvent } from '#core/event/collected-event.ts';
import {
  isRejection,
  parseEvent,
  type EventLimits,
  type ReadEvent,
} from '#core/event/parse-event.ts';
import { mappingHeader, pieceHeader, refusedHeader, requestHeader } from '#core/event/record-id.ts';
import { noMappings, type RecordMapping } from '#core/mapping/record-mapping.ts';
import {
  deadLetterReasons,
  type EventSink,
  type LogRecord,
  type ProductEvent,
  type Rejection,
} from '#core/ports.ts';
import { ProblemError } from '../http/problem-document.ts';
import type { TimestampAlarm } from '../telemetry/timestamp-alarm.ts';
import type { StoredVersions } from './stored-versions.ts';

const itemSchema = z
  .object({
    index: z.int().openapi({
      description:
        'The place in the body, from 0. With `mapping`, several items may be of one place.',
    }),
    event_id: z.string().nullable().openapi({ description: 'null if it could not be read.' }),
    status: z.enum(['accepted', 'rejected', 'dead_lettered', 'ignored']),
    superseded: z
      .literal(true)
      .optional()
      .openapi({
        description:
          'Present when this gateway knows already that this event will change nothing: it has ' +
          'stored the same or a newer version (by timestamp) under this event_id.',
      }),
    error: z
      .object({
        code: z.enum(deadLetterReasons),
        message: z.string(),
        field: z.string().nullable(),
      })
      .optional(),
  })
  .openapi('IngestItem');
type Item = z.infer<typeof itemSchema>;

export const intakeSchema = z
  .object({
    accepted: z.int().openapi({ description: 'Valid events, durable in the log.' }),
    rejected: z.int().openapi({ description: 'Invalid events, not accepted.' }),
    dead_lettered: z.int().openapi({
      description:
        'Invalid events, durable in the log, from which they go to the dead-letter queue ' +
        '(on_invalid=dead_letter).',
    }),
    ignored: z.int().optional().openapi({
      description:
        'With `mapping`: what a rule of the mapping turns away. Nothing is wrong with it.',
    }),
    items: z.array(itemSchema).openapi({ description: 'One per event, in order.' }),
  })
  .openapi('IngestResult', {
    example: {
      accepted: 1,
      rejected: 1,
      dead_lettered: 0,
      items: [
        { index: 0, event_id: 'e-1', status: 'accepted' },
        {
          index: 1,
          event_id: 'e-2',
          status: 'rejected',
          error: {
            code: 'invalid_event',
            message: 'product.price is -1; it must be at least 0.',
            field: 'product.price',
          },
        },
      ],
    },
  });
export type IntakeResult = z.infer<typeof intakeSchema>;

export type IntakeOptions = {
  readonly sink: EventSink;
  /** Whether invalid events are written to the log too. */
  readonly deadLetter: boolean;
  readonly limits: EventLimits;
  /** The mapping that the request names; `null` for events in VectorStream's event format. */
  readonly mapping: RecordMapping | null;
  readonly eventsMax: number;
  /** The most bytes of records to write at once: a mapping can make many of a few bytes. */
  readonly bytesMax: number;
  readonly versions: StoredVersions;
  readonly timestamps: Pick<TimestampAlarm, 'add'>;
  readonly requestId: string;
  /** The name of an API key that may only collect; see `collectedEvent`. */
  readonly collectedBy: string | null;
  /** When the request arrived, in UTC ms. */
  readonly now: number;
};

/** One event of a value, as it is written to the log. */
type Taken = {
  readonly read: ProductEvent | Exclude<EventRead, ReadEvent>;
  readonly value: Uint8Array;
  /** Headers besides those of every invalid event. */
  readonly headers: LogRecord['headers'];
};

/** Stands for a place in a log. Nothing depends on it: an event of a request must have an id. */
const noPlace = { topic: '', partition: 0, offset: 0 };

/** Events per turn of the event loop: a large request must not delay searches and heartbeats. */
const eventsPerTurn = 64;
const encoder = new TextEncoder();

export class Intake {
  readonly #options: IntakeOptions;
  readonly #headers: LogRecord['headers'];
  readonly #refused: LogRecord['headers'];
  readonly #items: Item[] = [];
  readonly #counts = { accepted: 0, rejected: 0, dead_lettered: 0, ignored: 0 };
  /** Values seen so far. */
  #places = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    const { requestId, collectedBy } = options;
    this.#headers = {
      [requestHeader]: encoder.encode(requestId),
      ...(collectedBy !== null && { [collectedByHeader]: encoder.encode(collectedBy) }),
    };
    this.#refused = { ...this.#headers, [refusedHeader]: encoder.encode('invalid') };
  }

  /** Events seen so far. */
  get size(): number {
    return this.#items.length;
  }

  /**
   * Resolves when the accepted events are durable. If the log throws, none of them count.
   *
   * @throws ProblemError (413) when the mapping makes too much of the body
   */
  async take(values: readonly Uint8Array[]): Promise<void> {
    const { sink, eventsMax, bytesMax } = this.#options;
    const records: LogRecord[] = [];
    const items: Item[] = [];
    let bytes = 0;
    for (const [at, sent] of values.entries()) {
      if (at % eventsPerTurn === eventsPerTurn - 1) await nextTurn();
      for (const taken of this.#read(sent)) {
        const record = this.#recordOf(taken);
        if (record !== null) records.push(record);
        bytes += record?.value.length ?? 0;
        items.push({ index: this.#places + at, ...this.#resultOf(taken.read) });
      }
      if (this.size + items.length > eventsMax) throw tooManyEvents(eventsMax);
      if (bytes > bytesMax) throw tooManyBytes(bytesMax);
    }
    if (records.length > 0) await sink.append(records);
    this.#places += values.length;
    for (const item of items) {
      this.#items.push(item);
      this.#counts[item.status] += 1;
    }
  }

  #read(sent: Uint8Array): readonly Taken[] {
    const { mapping, limits, now, collectedBy } = this.#options;
    if (mapping !== null) return this.#mapped(sent, mapping);
    const value =
      collectedBy === null
        ? sent
        : collectedEvent(sent, { at: now, key: collectedBy, depthMax: limits.depthMax });
    return [{ read: parseEvent(value, now, limits), value, headers: {} }];
  }

  /**
   * Maps an event. A valid one is written in VectorStream's event format, an invalid one as it was
   * sent.
   */
  #mapped(value: Uint8Array, mapping: RecordMapping): readonly Taken[] {
    const { limits, now } = this.#options;
    const record = { key: null, value, headers: this.#refused, timestamp: now, position: noPlace };
    const rules = { now, limits, mappings: noMappings };
    return readByMapping({ record, rules, named: mapping, known: {}, changes: [] }).map(
      ({ read, piece }) => {
        if ('event' in read)
          return { read: read.event, value: encoder.encode(read.event.payload), headers: {} };
        const headers = {
          [mappingHeader]: encoder.encode(mapping.name),
          ...(piece !== null && { [pieceHeader]: encoder.encode(piece.index) }),
        };
        return { read, value: piece?.value() ?? value, headers };
      },
    );
  }

  #recordOf({ read, value, headers: more }: Taken): LogRecord | null {
    const { deadLetter, now } = this.#options;
    if ('ignored' in read) return null;
    if (!isRejection(read))
      return { key: encoder.encode(read.userId), value, headers: this.#headers, timestamp: now };
    if (!deadLetter) return null;
    return { key: null, value, headers: { ...this.#refused, ...more }, timestamp: now };
  }

  #resultOf(read: Taken['read']): Omit<Item, 'index'> {
    const { deadLetter, versions, timestamps, now, collectedBy } = this.#options;
    if ('ignored' in read) return { event_id: null, status: 'ignored' };
    if (!isRejection(read)) {
      return {
        event_id: read.eventId,
        status: 'accepted',
        // A key that may only collect must not learn whether an event is stored.
        ...(collectedBy === null && versions.covers(read) && { superseded: true }),
      };
    }
    // The pipeline reports the timestamps of all other events when it stores them.
    if (!deadLetter && read.timestampAhead !== null) timestamps.add(read.timestampAhead, now);
    return {
      event_id: read.eventId,
      status: deadLetter ? 'dead_lettered' : 'rejected',
      error: errorOf(read),
    };
  }

  /** @throws ProblemError (400), with the same items, when no event was accepted. */
  result(): IntakeResult {
    const result = this.#soFar();
    if (result.items.length === 0)
      throw new ProblemError({
        status: 400,
        code: 'no_events',
        detail: 'The body has no event.',
      });
    if (result.accepted + result.dead_lettered + (result.ignored ?? 0) > 0) return result;
    const [first] = result.items;
    const isNotJson = result.items.length === 1 && first?.error?.code === 'not_json';
    const { length } = result.items;
    const subject = length === 1 ? 'The event was' : `All ${length} events were`;
    const detail = `${subject} rejected; ${first?.error?.message ?? 'see items'}`;
    throw new ProblemError({
      status: 400,
      code: isNotJson ? 'malformed_json' : 'no_event_accepted',
      detail,
      more: result,
    });
  }

  /** The same problem, with the events that were accepted before it: these are durable. */
  interrupted({ problem }: ProblemError): ProblemError {
    const result = this.#soFar();
    if (result.items.length === 0) return new ProblemError(problem);
    const detail =
      `${problem.detail} The first ${result.items.length} events of this body were processed ` +
      'before that, and those that were accepted are durable: send the rest, or everything again ' +
      '(the same event_id makes no second copy).';
    return new ProblemError({ ...problem, detail, more: { ...problem.more, ...result } });
  }

  #soFar(): IntakeResult {
    const { ignored, ...counts } = this.#counts;
    return { ...counts, ...(this.#options.mapping !== null && { ignored }), items: this.#items };
  }
}

const errorOf = ({ reason, message, field }: Rejection): NonNullable<Item['error']> => ({
  code: reason,
  message,
  field,
});

export const tooManyEvents = (max: number): ProblemError =>
  new ProblemError({
    status: 413,
    code: 'too_many_events',
    detail: `The body has more than ${max} events. Send it in parts.`,
  });

const tooManyBytes = (max: number): ProblemError =>
  new ProblemError({
    status: 413,
    code: 'body_too_large',
    detail: `The mapping makes more than ${max} bytes of the body. Send it in parts.`,
  });
