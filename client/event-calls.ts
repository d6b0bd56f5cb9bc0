// Events: sending any number of them with one result each, and reading those that are stored.

import type { z } from 'zod';
import { assert } from '#core/errors/assert.ts';
import type { wireEventSchema } from '#core/event/event-schema.ts';
import type { StoredEventView } from '../gateway/api/routes/schemas.ts';
import type { EventQuery } from '../gateway/api/routes/stored-event-routes.ts';
import type { IntakeResult } from '../gateway/ingest/intake.ts';
import { VectorStreamApiError } from './api-errors.ts';
import { pagesOf } from './cursor-pages.ts';
import { portionsOf, type PortionLimits } from './portions.ts';
import type { CallOptions, Transport } from './transport.ts';

export type EventToSend = z.input<typeof wireEventSchema>;
export type SendItem = IntakeResult['items'][number];
export type SendOptions = CallOptions &
  Partial<PortionLimits> & {
    /**
     * `dead_letter`: invalid events are taken too, and end in the dead-letter queue with their
     * reason.
     */
    readonly onInvalid?: 'reject' | 'dead_letter';
  };

/** Within what a gateway takes unless it is configured for less. */
const portionLimits: PortionLimits = { eventsMax: 1000, bytesMax: 1024 * 1024, ageMsMax: 500 };

export function eventCalls(transport: Transport) {
  /**
   * One result per event, in order, as the gateway answers: durable when `accepted`. Events are
   * read only as results are asked for, so a source of any length needs the memory of one portion.
   * A portion that failed on its way is sent again and writes nothing twice.
   */
  async function* stream(
    events: Iterable<EventToSend> | AsyncIterable<EventToSend>,
    { onInvalid, signal, ...limits }: SendOptions = {},
  ): AsyncGenerator<SendItem, void, undefined> {
    let sent = 0;
    for await (const { text, count } of portionsOf(
      events,
      { ...portionLimits, ...limits },
      transport.timing.clock,
      signal,
    )) {
      const { items } = await transport
        .json<IntakeResult>(
          {
            method: 'POST',
            path: '/events',
            query: { on_invalid: onInvalid },
            repeat: 'always',
            headers: { 'Idempotency-Key': crypto.randomUUID() },
            body: { text, type: 'application/x-ndjson' },
          },
          { signal },
        )
        .catch(turnedAway);
      assert(items.length === count, `${count} events got ${items.length} results`);
      for (const item of items) yield { ...item, index: sent + item.index };
      sent += count;
    }
  }

  return {
    stream,

    /**
     * The same for a number of events whose results fit into memory. Nothing is thrown for events
     * that are invalid.
     */
    async send(
      events: Iterable<EventToSend> | AsyncIterable<EventToSend>,
      options: SendOptions = {},
    ): Promise<IntakeResult> {
      const result: IntakeResult = { accepted: 0, rejected: 0, dead_lettered: 0, items: [] };
      for await (const item of stream(events, options)) {
        result.items.push(item);
        result[item.status] += 1;
      }
      return result;
    },

    /**
     * Stored events, newest first; pages are fetched as they are needed. `limit` is the size of a
     * page.
     */
    list: (
      query: Omit<EventQuery, 'cursor'> = {},
      options?: CallOptions,
    ): AsyncGenerator<StoredEventView, void, undefined> =>
      pagesOf(transport, { method: 'GET', path: '/events', query }, options),

    /**
     * By `event_id` as it was sent, or by the id in the store. `null` when none is stored, perhaps
     * not yet.
     */
    get: (id: string, options?: CallOptions): Promise<StoredEventView | null> =>
      transport
        .json<StoredEventView>(
          { method: 'GET', path: `/events/${encodeURIComponent(id)}` },
          options,
        )
        .catch(absent('event_not_found')),
  };
}

/** A portion of which nothing was valid: its results come as an error. */
function turnedAway(error: unknown): Pick<IntakeResult, 'items'> {
  if (error instanceof VectorStreamApiError && error.status === 400) {
    const { items } = error.problem;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- documented: the same items as in an answer
    if (Array.isArray(items)) return { items: items as SendItem[] };
  }
  throw error;
}

/** `null` for what is not there; the error for all else. */
export const absent =
  (code: string) =>
  (error: unknown): null => {
    if (error instanceof VectorStreamApiError && error.code === code) return null;
    throw error;
  };
