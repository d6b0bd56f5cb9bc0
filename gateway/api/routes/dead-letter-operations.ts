// Describes the actions on dead letters: the schemas of their requests and answers.

import { createRoute, z } from '@hono/zod-openapi';
import { transformSchema } from '#core/mapping/event-transform.ts';
import { deadLetterReasons } from '#core/ports.ts';
import { refusalCodes } from '../../dead-letters/replay-plan.ts';
import { batchMsMax, previewsMax } from '../../dead-letters/replay.ts';
import {
  exampleDeadLetter,
  deadLetterFilterFields,
  deadLetterSchema,
  positionSchema,
} from './dead-letter-view.ts';
import { answer, exampleEvent, problem } from './schemas.ts';

/** How many dead letters an answer names. */
export const idsMax = 20;
export const previewCharsMax = 4096;
const idParams = z.object({ id: z.string().min(1).max(256) });
export const filterSchema = z.strictObject(deadLetterFilterFields).openapi('DeadLetterFilter', {
  description: 'Open dead letters, unless `state` says otherwise.',
});
const jsonBody = <S extends z.ZodType>(schema: S) => ({
  required: true,
  content: { 'application/json': { schema } },
});

export const replayRoute = createRoute({
  method: 'post',
  path: '/dlq/replay/{id}',
  summary: 'Replay one dead letter into the source, unchanged or corrected',
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
                  'The corrected event, as an object, or as text that is used unchanged. ' +
                  'Without it, the original event is replayed.',
              }),
            force: z.boolean().optional().openapi({
              description: 'Replay even if it was replayed before, too often, or would fail again.',
            }),
          })
          .openapi('DeadLetterReplay', { example: { payload: exampleEvent } }),
      ),
      required: false,
    },
  },
  responses: {
    200: answer(
      'The event is durable in the source and is processed from there.',
      z.object({ id: z.string(), position: positionSchema }),
      {
        id: exampleDeadLetter.id,
        position: { topic: 'ecommerce-events', partition: 3, offset: 52_114 },
      },
    ),
    404: problem('No dead letter has this id.'),
    409: problem('It was already replayed or purged, or was replayed too often.'),
    422: problem('It would fail again, or only a part of it is stored.'),
    503: problem('The source or the dead-letter queue is not available.'),
  },
});

export const batchRoute = createRoute({
  method: 'post',
  path: '/dlq/replay/batch',
  summary: 'Replay dead letters by filter, newest first',
  request: {
    body: jsonBody(
      z
        .strictObject({
          filter: filterSchema.default({}),
          dry_run: z
            .boolean()
            .default(false)
            .openapi({ description: 'Count and report what would be done, without doing it.' }),
          limit: z
            .int()
            .min(1)
            .max(1000)
            .default(1000)
            .openapi({ description: 'Maximum number of dead letters to process in this call.' }),
          rate: z
            .number()
            .min(0.1)
            .max(100_000)
            .optional()
            .openapi({ description: 'Dead letters per second.' }),
          force: z.boolean().default(false),
          transform: transformSchema.optional().openapi({
            description:
              'Corrects each event before it is replayed: members such as `product.price`, and ' +
              'how each is made. A text is a template of a mapping (docs/import.md), such as ' +
              '`guest:{session_id}`; of a list, the first that is not empty counts. ' +
              '`{"number": "{product.price}", "decimal": "comma"}` makes a number, `{"time": ' +
              '"{ts}", "date_format", "time_zone"}` a time, `{"from", "map", "otherwise"}` ' +
              'translates words, a number or boolean is itself, and null removes the member.',
          }),
          cursor: z
            .string()
            .max(512)
            .optional()
            .openapi({ description: 'next_cursor of the previous call.' }),
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
      `What was done within ${batchMsMax / 1000} seconds. ` +
        'Call again with next_cursor until it is null.',
      z.object({
        dry_run: z.boolean(),
        matching: z.int().nullable().openapi({
          description: 'Dead letters from the cursor on that match the filter; only for a dry run.',
        }),
        replayed: z
          .int()
          .openapi({ description: 'How many were replayed; in a dry run, how many would be.' }),
        refused: z.int(),
        ids: z.array(z.string()).openapi({ description: `The first ${idsMax} of these.` }),
        refusals: z
          .array(z.object({ id: z.string(), code: z.enum(refusalCodes), detail: z.string() }))
          .openapi({ description: `The first ${idsMax}.` }),
        preview: z
          .array(z.object({ id: z.string(), before: z.string(), after: z.string() }))
          .openapi({
            description:
              `The first ${previewsMax} events that \`transform\` corrects, as text, cut to ` +
              `${previewCharsMax} characters; only in a dry run.`,
          }),
        next_cursor: z.string().nullable(),
        trouble: z
          .string()
          .nullable()
          .openapi({ description: 'Why the call ended early, if something failed.' }),
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
              'It would fail again: product.price: got "39,90 €", allowed: a finite number from ' +
              '0 to 1e9. Send a correct event as payload.',
          },
        ],
        preview: [],
        next_cursor: 'WzE3Njk4NjA4MDAwMDAsIjYiXQ',
        trouble: null,
      },
    ),
    422: problem('The filter, the transform or the cursor is invalid.'),
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
            .openapi({ description: 'The encoding of value and key.' }),
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
      'It is durable in the queue. A repeated request with the same X-Request-Id adds no ' +
        'second one.',
      deadLetterSchema,
    ),
    422: problem('A member is invalid.'),
    503: problem('The dead-letter queue is not available.'),
  },
});

export const purgeOneRoute = createRoute({
  method: 'delete',
  path: '/dlq/messages/{id}',
  summary: 'Purge one dead letter: its payload is deleted, its reason stays',
  request: { params: idParams },
  responses: {
    204: { description: 'It is purged, now or already before.' },
    404: problem('No dead letter has this id.'),
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
            .openapi({ description: '`matching` of a previous call without `confirm`.' }),
        })
        .openapi('DeadLetterPurge', {
          example: { filter: { state: 'replayed', until: '2026-01-31T00:00:00Z' }, confirm: 1240 },
        }),
    ),
  },
  responses: {
    200: answer(
      'Without `confirm`, nothing is purged.',
      z.object({ matching: z.int(), purged: z.int(), ids: z.array(z.string()) }),
      { matching: 1240, purged: 1240, ids: [exampleDeadLetter.id] },
    ),
    409: problem(
      'The filter matches another number of dead letters than was confirmed: see `matching`.',
    ),
    422: problem('The filter is invalid.'),
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
