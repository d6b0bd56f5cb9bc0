// GET /events and GET /events/{id}: the stored events, newest first.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { isUuid, uuidV5 } from '#core/event/uuid.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import {
  answer,
  cursorOf,
  exampleStoredEvent,
  filterOf,
  filterQueryFields,
  pageQueryFields,
  parseCursor,
  problem,
  storedEvent,
  storedEventSchema,
} from './schemas.ts';

const querySchema = z.strictObject({ ...filterQueryFields, ...pageQueryFields });
export type EventQuery = Partial<z.output<typeof querySchema>>;

const listRoute = createRoute({
  method: 'get',
  path: '/events',
  summary: 'Stored events by filter, newest first',
  request: { query: querySchema },
  responses: {
    200: answer(
      'One page.',
      z.object({ items: z.array(storedEventSchema), next_cursor: z.string().nullable() }),
      { items: [exampleStoredEvent], next_cursor: null },
    ),
    422: problem('A filter is invalid.'),
  },
});

const oneRoute = createRoute({
  method: 'get',
  path: '/events/{id}',
  summary: 'One stored event',
  request: {
    params: z.object({
      id: z.string().min(1).max(256).openapi({
        description: 'event_id as it was sent, or the id in the store.',
        example: 'e-1',
      }),
    }),
  },
  responses: {
    200: answer('The event.', storedEventSchema),
    404: problem('No event with this id is stored.'),
  },
});

export function eventRoutes(app: OpenAPIHono<AppEnv>, { store, eventTypes }: Services): void {
  app.openapi(listRoute, async (c) => {
    const { limit, cursor, ...filter } = c.req.valid('query');
    const page = parseCursor(cursor);
    const after = page === null ? undefined : { timestamp: page.at, id: page.id };
    const events = await store.events(filterOf(filter, eventTypes), limit, after);
    const last = events.length < limit ? undefined : events.at(-1);
    return c.json(
      {
        items: events.map(storedEvent),
        next_cursor: last === undefined ? null : cursorOf(last.timestamp, last.id),
      },
      200,
    );
  });

  app.openapi(oneRoute, async (c) => {
    const { id } = c.req.valid('param');
    const event = await store.event(isUuid(id) ? id.toLowerCase() : uuidV5(id));
    if (event === null)
      throw new ProblemError({
        status: 404,
        code: 'event_not_found',
        detail:
          'No event with this id is stored; it may still be in progress, or in the dead-letter ' +
          'queue.',
      });
    return c.json(storedEvent(event), 200);
  });
}
