// GET /dlq/…: the events that could not be stored, each with its reason and its original bytes.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { deadLetterReasons, deadLetterStates } from '#core/ports.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import {
  exampleDeadLetter,
  deadLetterFilterFields,
  deadLetterFilterOf,
  deadLetterSchema,
  deadLetterView,
} from './dead-letter-view.ts';
import { answer, cursorOf, pageQueryFields, parseCursor, problem } from './schemas.ts';

/** A list shows the beginning of a large value; `GET /dlq/messages/{id}` shows all of it. */
const previewBytesMax = 4096;
/** Extra bytes to fetch, so that the cut can be between two characters. */
const characterBytesMax = 4;

const listRoute = createRoute({
  method: 'get',
  path: '/dlq/messages',
  summary: 'Dead letters by filter, newest first',
  request: {
    query: z.strictObject({ ...deadLetterFilterFields, ...pageQueryFields }),
  },
  responses: {
    200: answer(
      'One page; large values are cut.',
      z.object({ items: z.array(deadLetterSchema), next_cursor: z.string().nullable() }),
      { items: [{ ...exampleDeadLetter, base64: [] }], next_cursor: null },
    ),
    422: problem('A filter is invalid.'),
  },
});

const oneRoute = createRoute({
  method: 'get',
  path: '/dlq/messages/{id}',
  summary: 'One dead letter in full',
  request: { params: z.object({ id: z.string().min(1).max(256) }) },
  responses: {
    200: answer('The dead letter.', deadLetterSchema),
    404: problem('No dead letter has this id.'),
  },
});

const none = {
  not_json: 0,
  invalid_event: 0,
  too_large: 0,
  timestamp_ahead: 0,
  embedding_failed: 0,
  store_rejected: 0,
  id_conflict: 0,
};
const countsSchema = z.object({
  by_state: z.record(z.enum(deadLetterStates), z.int()),
  by_reason: z
    .record(z.enum(deadLetterReasons), z.int())
    .openapi({ description: 'Open, replayed and purged ones.' }),
  open_by_reason: z.record(z.enum(deadLetterReasons), z.int()),
});
export type DeadLetterCounts = z.infer<typeof countsSchema>;

const statsRoute = createRoute({
  method: 'get',
  path: '/dlq/stats',
  summary: 'Dead letters counted by state and reason',
  responses: {
    200: answer('Counts.', countsSchema, {
      by_state: { open: 12, replayed: 3, purged: 0 },
      by_reason: { ...none, not_json: 2, invalid_event: 12, too_large: 1 },
      open_by_reason: { ...none, not_json: 1, invalid_event: 11 },
    }),
  },
});

export function deadLetterRoutes(app: OpenAPIHono<AppEnv>, { deadLetters }: Services): void {
  app.openapi(listRoute, async (c) => {
    const { limit, cursor, ...filter } = c.req.valid('query');
    const page = parseCursor(cursor);
    const found = await deadLetters.list({
      ...deadLetterFilterOf(filter),
      limit,
      valueBytesMax: previewBytesMax + characterBytesMax,
      ...(page !== null && { after: { failedAt: page.at, id: page.id } }),
    });
    const last = found.length < limit ? undefined : found.at(-1);
    return c.json(
      {
        items: found.map((deadLetter) => deadLetterView(deadLetter, previewBytesMax)),
        next_cursor: last === undefined ? null : cursorOf(last.failedAt, last.id),
      },
      200,
    );
  });

  app.openapi(oneRoute, async (c) => {
    const deadLetter = await deadLetters.get(c.req.valid('param').id);
    if (deadLetter === null)
      throw new ProblemError({
        status: 404,
        code: 'dead_letter_not_found',
        detail: 'No dead letter has this id.',
      });
    return c.json(deadLetterView(deadLetter, Number.POSITIVE_INFINITY), 200);
  });

  app.openapi(statsRoute, async (c) => {
    const { byState, byReason, openByReason } = await deadLetters.stats();
    return c.json(
      {
        by_state: byState,
        by_reason: { ...none, ...byReason },
        open_by_reason: { ...none, ...openByReason },
      },
      200,
    );
  });
}
