// The calls on events: send any number of them, with one result for each, and read stored ones.

import type { z } from 'zod';
import { assert } from '#core/errors/assert.ts';
import type { wireEventSchema } from '#core/event/event-schema.ts';
import { randomUuid } from '#core/event/random-uuid.ts';
import type { StoredEventView } from '../gateway/api/routes/schemas.ts';
import type { EventQuery } from '../gateway/api/routes/stored-event-routes.ts';
import type { IntakeResult as SendResult } from '../gateway/ingest/intake.ts';
import { nullWhen, VectorStreamApiError, VectorStreamPartialSendError } from './api-errors.ts';
import { pagesOf } from './cursor-pages.ts';
import { batchesOf, type BatchLimits } from './event-batches.ts';
import type { Call, CallOptions, Transport } from './transport.ts';

export type { SendResult };
export type EventToSend = z.input<typeof wireEventSchema>;
export type SendItem = SendResult['items'][number];
export type LineOptions = CallOptions & {
  /** `dead_letter` accepts invalid events too: they go to the dead-letter queue, with a reason. */
  readonly onInvalid?: 'reject' | 'dead_letter' | undefined;
};
export type SendOptions = LineOptions & Partial<BatchLimits>;

/** A gateway accepts these unless it is configured for less. */
const batchLimits: BatchLimits = { eventsMax: 1000, bytesMax: 1024 * 1024, ageMsMax: 500 };

export function eventCalls(transport: Transport) {
  /**
   * Yields one result per event, in order, as the gateway answers; `accepted` means durable. Reads
   * events only as results are asked for, so a source of any length needs the memory of one batch.
   * A batch whose answer was lost is sent again under the same Idempotency-Key and writes nothing
   * twice. When the gateway could process only some events of a batch, it yields their results, and
   * then throws a `VectorStreamPartialSendError` with them.
   */
  async function* stream(
    events: Iterable<EventToSend> | AsyncIterable<EventToSend>,
    { onInvalid, signal, ...limits }: SendOptions = {},
  ): AsyncGenerator<SendItem, void, undefined> {
    let sent = 0;
    for await (const { text, count } of batchesOf(
      events,
      { ...batchLimits, ...limits },
      transport.timing.clock,
      signal,
    )) {
      const headers = { 'Idempotency-Key': randomUuid() };
      const answer = await post(transport, text, { onInvalid, signal, headers }).catch(partOf);
      const items = answer.items.map((item) => ({ ...item, index: sent + item.index }));
      yield* items;
      if (answer instanceof VectorStreamPartialSendError)
        throw new VectorStreamPartialSendError(answer, items);
      assert(items.length === count, `${count} events got ${items.length} results`);
      sent += count;
    }
  }

  return {
    stream,

    /**
     * Sends events whose results fit into memory. An invalid event is a result, not an error.
     *
     * @throws VectorStreamPartialSendError with all results so far
     */
    async send(
      events: Iterable<EventToSend> | AsyncIterable<EventToSend>,
      options: SendOptions = {},
    ): Promise<SendResult> {
      const result: SendResult = { accepted: 0, rejected: 0, dead_lettered: 0, items: [] };
      try {
        for await (const item of stream(events, options)) {
          result.items.push(item);
          // Only a mapping ignores anything, and none is named here.
          if (item.status !== 'ignored') result[item.status] += 1;
        }
      } catch (error) {
        if (!(error instanceof VectorStreamPartialSendError)) throw error;
        throw new VectorStreamPartialSendError(error, result.items);
      }
      return result;
    },

    /**
     * Sends lines of NDJSON as they are, valid or not, each without its line break. They go in one
     * request, or in halves when that is too large for the gateway. Retries carry no
     * Idempotency-Key: an event that arrives twice is stored once, because of its id.
     */
    sendLines: (lines: readonly Uint8Array[], options: LineOptions = {}): Promise<SendResult> =>
      sendLines(transport, lines, options),

    /**
     * Stored events, newest first. Pages are fetched as they are needed; `limit` is the size of a
     * page.
     */
    list: (
      query: Omit<EventQuery, 'cursor'> = {},
      options?: CallOptions,
    ): AsyncGenerator<StoredEventView, void, undefined> =>
      pagesOf(transport, { method: 'GET', path: '/events', query }, options),

    /**
     * Gets an event by `event_id` as it was sent, or by the id in the store. `null` while none is
     * stored.
     */
    get: (id: string, options?: CallOptions): Promise<StoredEventView | null> =>
      transport
        .json<StoredEventView>(
          { method: 'GET', path: `/events/${encodeURIComponent(id)}` },
          options,
        )
        .catch(nullWhen('event_not_found')),
  };
}

function post(
  transport: Transport,
  ndjson: NonNullable<Call['body']>['data'],
  { onInvalid, signal, headers }: LineOptions & Pick<Call, 'headers'>,
): Promise<SendResult> {
  return transport
    .json<SendResult>(
      {
        method: 'POST',
        path: '/events',
        query: { on_invalid: onInvalid },
        repeat: 'always',
        body: { data: ndjson, type: 'application/x-ndjson' },
        ...(headers && { headers }),
      },
      { signal },
    )
    .catch(resultOfRefusal);
}

async function sendLines(
  transport: Transport,
  lines: readonly Uint8Array[],
  options: LineOptions,
): Promise<SendResult> {
  try {
    return await post(transport, joined(lines), options);
  } catch (error) {
    const isTooLarge = error instanceof VectorStreamApiError && error.status === 413;
    if (!isTooLarge || lines.length < 2) throw error;
  }
  const middle = Math.ceil(lines.length / 2);
  const first = await sendLines(transport, lines.slice(0, middle), options);
  const second = await sendLines(transport, lines.slice(middle), options);
  return {
    accepted: first.accepted + second.accepted,
    rejected: first.rejected + second.rejected,
    dead_lettered: first.dead_lettered + second.dead_lettered,
    items: [
      ...first.items,
      ...second.items.map((item) => ({ ...item, index: middle + item.index })),
    ],
  };
}

function joined(lines: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(lines.reduce((sum, line) => sum + line.length + 1, 0));
  let end = 0;
  for (const line of lines) {
    body.set(line, end);
    end += line.length + 1;
    body[end - 1] = lineBreak;
  }
  return body;
}
const lineBreak = 10;

/** When no event of a request is valid, the results come in an error with one of these codes. */
const codesWithAllResults: ReadonlySet<string> = new Set(['no_event_accepted', 'malformed_json']);

/** Any other error with results means that the gateway processed a part of the request. */
function resultOfRefusal(error: unknown): SendResult {
  if (!(error instanceof VectorStreamApiError)) throw error;
  if (!Array.isArray(error.problem['items'])) throw error;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- documented so
  const items = error.problem['items'] as SendItem[];
  if (!codesWithAllResults.has(error.code)) throw new VectorStreamPartialSendError(error, items);
  return { accepted: 0, rejected: items.length, dead_lettered: 0, items };
}

function partOf(error: unknown): VectorStreamPartialSendError {
  if (error instanceof VectorStreamPartialSendError) return error;
  throw error;
}
