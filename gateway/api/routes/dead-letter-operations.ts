// Describes what may be done with dead letters: the schemas that check the requests, and what is
// answered.

import { createRoute, z } from '@hono/zod-openapi';
import { deadLetterReasons } from '#core/ports.ts';
import { refusalCodes } from '../../dead-letters/replay-plan.ts';
import { batchMsMax } from '../../dead-letters/replay.ts';
import {
  exampleDeadLetter,
  deadLetterFilterFields,
  deadLetterSchema,
  positionSchema,
} from './dead-letter-view.ts';
import { answer, exampleEvent, problem } from './schemas.ts';

/** Of the letters that an answer names. */
export const idsMax = 20;
const idParams = z.object({ id: z.string().min(1).max(256) });
export const filterSchema = z
  .strictObject(deadLetterFilterFields)
  .openapi('DeadLetterFilter', { description: 'Open letters, unless `state` says otherwise.' });
const jsonBody = <S extends z.ZodType>(schema: S) => ({
  required: true,
  content: { 'application/json': { schema } },
});

export const replayRoute = createRoute({
  method: 'post',
  path: '/dlq/replay/{id}',
  summary: 'Put one dead letter back into the source, as it was or corrected',
  request: {
    params: idParams,
    body: {
      ...jsonBody(
        z
          .strictObject({
            payload: z
              .union([z.string(), z.record(z.string(), z.unknown())], {
                error: 'expected the event as an object, or its bytes as text',
              })
              .optional()
              .openapi({
                description:
                  'The corrected event, as an object or as text that is taken as it is. Without it the letter goes as it was.',
              }),
            force: z.boolean().optional().openapi({
              description: 'Also when it was put back before, too often, or would fail again.',
            }),
          })
          .openapi('DeadLetterReplay', { example: { payload: exampleEvent } }),
      ),
      required: false,
    },
  },
  responses: {
    200: answer(
      'It is durable in the source; what becomes of it is seen there.',
      z.object({ id: z.string(), position: positionSchema }),
      {
        id: exampleDeadLetter.id,
        position: { topic: 'ecommerce-events', partition: 3, offset: 52_114 },
      },
    ),
    404: problem('No such letter.'),
    409: problem('It was put back or purged before, or put back too often.'),
    422: problem('It would fail again, or only a part of it is there.'),
    503: problem('The source or the dead-letter queue is not available.'),
  },
});

export const batchRoute = createRoute({
  method: 'post',
  path: '/dlq/replay/batch',
  summary: 'Put dead letters back by filter, newest first',
  request: {
    body: jsonBody(
      z
        .strictObject({
          filter: filterSchema.default({}),
          dry_run: z
            .boolean()
            .default(false)
            .openapi({ description: 'Count, and say what would be done; nothing is.' }),
          limit: z
            .int()
            .min(1)
            .max(1000)
            .default(1000)
            .openapi({ description: 'Letters to look at in this call.' }),
          rate: z
            .number()
            .min(0.1)
            .max(100_000)
            .optional()
            .openapi({ description: 'Letters per second.' }),
          force: z.boolean().default(false),
          cursor: z
            .string()
            .max(512)
            .optional()
            .openapi({ description: 'next_cursor of the call before.' }),
        })
        .openapi('DeadLetterBatch', {
          example: {
            filter: { reason: 'store_rejected', since: '2026-01-31T00:00:00Z' },
            dry_run: true,
            limit: 500,
            rate: 100,
          },
        }),
    ),
  },
  responses: {
    200: answer(
      `What was done within ${batchMsMax / 1000} seconds. Call again with next_cursor until that is null.`,
      z.object({
        dry_run: z.boolean(),
        matching: z.int().nullable().openapi({
          description: 'Letters that the filter finds from the cursor on; only of a dry run.',
        }),
        replayed: z.int().openapi({ description: 'Of a dry run: that would be.' }),
        refused: z.int(),
        ids: z.array(z.string()).openapi({ description: `The first ${idsMax} of those.` }),
        refusals: z
          .array(z.object({ id: z.string(), code: z.enum(refusalCodes), detail: z.string() }))
          .openapi({ description: `The first ${idsMax}.` }),
        next_cursor: z.string().nullable(),
        trouble: z
          .string()
          .nullable()
          .openapi({ description: 'Why it ended early, when something failed on the way.' }),
      }),
      {
        dry_run: true,
        matching: 1240,
        replayed: 499,
        refused: 1,
        ids: [exampleDeadLetter.id],
        refusals: [
          {
            id: exampleDeadLetter.id,
            code: 'still_invalid',
            detail:
              'It would fail again: product.price: got "39.90", allowed: a finite number from 0 to 1e9. Send a correct event as payload.',
          },
        ],
        next_cursor: 'WzE3Njk4NjA4MDAwMDAsIjYiXQ',
        trouble: null,
      },
    ),
    422: problem('Not a filter, or not a cursor.'),
    503: problem('The source or the dead-letter queue is not available; nothing was done.'),
  },
});

export const addRoute = createRoute({
  method: 'post',
  path: '/dlq/messages',
  summary: 'Add a dead letter by hand',
  request: {
    body: jsonBody(
      z
        .strictObject({
          reason: z.enum(deadLetterReasons),
          message: z.string().min(1).max(2000),
          value: z.string().openapi({ description: 'The bytes of the event, as text.' }),
          encoding: z
            .enum(['utf8', 'base64'])
            .default('utf8')
            .openapi({ description: 'Of value and key.' }),
          key: z.string().max(4096).nullable().default(null),
          headers: z.record(z.string().min(1).max(200), z.string().max(4096)).default({}),
          event_id: z.string().min(1).max(512).nullable().default(null),
          field: z.string().min(1).max(512).nullable().default(null),
        })
        .openapi('DeadLetterToAdd', {
          example: {
            reason: 'store_rejected',
            message: 'Parked until its price is known.',
            value: JSON.stringify(exampleEvent),
            key: 'u-7',
          },
        }),
    ),
  },
  responses: {
    201: answer(
      'It is durable in the queue. Repeated with the same X-Request-Id it is the same letter.',
      deadLetterSchema,
    ),
    422: problem('A member is not right.'),
    503: problem('The dead-letter queue is not available.'),
  },
});

export const purgeOneRoute = createRoute({
  method: 'delete',
  path: '/dlq/messages/{id}',
  summary: 'Purge one dead letter: its payload goes, its reason stays',
  request: { params: idParams },
  responses: {
    204: { description: 'It is purged, perhaps since before.' },
    404: problem('No such letter.'),
    503: problem('The dead-letter queue is not available.'),
  },
});

export const purgeRoute = createRoute({
  method: 'post',
  path: '/dlq/purge',
  summary:
    'Purge dead letters by filter, in two calls: the first counts, the second confirms the count',
  request: {
    body: jsonBody(
      z
        .strictObject({
          filter: filterSchema.default({}),
          confirm: z
            .int()
            .min(0)
            .optional()
            .openapi({ description: '`matching` of a call without it.' }),
        })
        .openapi('DeadLetterPurge', {
          example: { filter: { state: 'replayed', until: '2026-01-31T00:00:00Z' }, confirm: 1240 },
        }),
    ),
  },
  responses: {
    200: answer(
      'Without confirm nothing is purged.',
      z.object({ matching: z.int(), purged: z.int(), ids: z.array(z.string()) }),
      { matching: 1240, purged: 1240, ids: [exampleDeadLetter.id] },
    ),
    409: problem(
      'The filter finds another number of letters than was confirmed; `matching` tells.',
    ),
    422: problem('Not a filter.'),
    503: problem('The dead-letter queue is not available.'),
  },
});

type Json<S extends z.ZodType> = { content: { 'application/json': { schema: S } } };
type Taken<R> = R extends { request: { body: Json<infer S> } } ? z.input<S> : never;
type Answered<R> = R extends { responses: { 200: Json<infer S> } } ? z.output<S> : never;
export type DeadLetterReplay = Taken<typeof replayRoute>;
export type DeadLetterReplayed = Answered<typeof replayRoute>;
export type DeadLetterBatch = Taken<typeof batchRoute>;
export type DeadLetterBatchDone = Answered<typeof batchRoute>;
export type DeadLetterToAdd = Taken<typeof addRoute>;
export type DeadLetterPurge = Taken<typeof purgeRoute>;
export type DeadLettersPurged = Answered<typeof purgeRoute>;
