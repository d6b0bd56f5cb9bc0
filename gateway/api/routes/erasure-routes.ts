// DELETE /users/{id} erases a person; GET /erasures/{receipt} shows how far that is.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { ErasureRequest } from '#core/ports.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer, problem } from './schemas.ts';

const counted = (description: string) => z.int().openapi({ description });

const receiptSchema = z
  .object({
    receipt: z.uuid().openapi({
      description: 'The same for every request about this user. It does not contain the id.',
    }),
    state: z.enum(['running', 'done']),
    requested_at: z.iso.datetime().openapi({
      description: 'Everything that the user did until then is erased.',
    }),
    finished_at: z.iso.datetime().nullable().openapi({ description: 'null while it runs.' }),
    erased: z
      .object({
        events: counted("Stored events of the user, and of the user's own sessions."),
        texts: counted('Queries that only this user searched for.'),
        dead_letters: counted('Dead letters.'),
        log_records: counted('Records of the embedded log; those of Kafka belong to its operator.'),
        sessions: counted("The user's own sessions."),
        shared_sessions: counted(
          'Sessions with events of more than three other users, of which only the events of this ' +
            'user are erased.',
        ),
      })
      .openapi({ description: 'How much was erased so far, by place.' }),
  })
  .openapi('Erasure', {
    example: {
      receipt: '9b2f0d0e-63a1-8c5e-8d27-51d0c9f3ab64',
      state: 'running',
      requested_at: '2026-01-31T12:00:00.000Z',
      finished_at: null,
      erased: {
        events: 1204,
        texts: 31,
        dead_letters: 2,
        log_records: 0,
        sessions: 57,
        shared_sessions: 0,
      },
    },
  });

export type ErasureView = z.infer<typeof receiptSchema>;

const eraseRoute = createRoute({
  method: 'delete',
  path: '/users/{id}',
  tags: ['Privacy'],
  summary: 'Erase a person',
  description:
    'Erases everything that this user did until now, wherever the gateway keeps it, and keeps it ' +
    'from coming back when old events are read again. The answer comes once the request is ' +
    'durable; the work goes on after it, and after a restart. Asking again is safe. See ' +
    'docs/privacy.md.',
  request: {
    params: z.object({
      id: z.string().min(1).max(256).openapi({ description: 'user_id of events.', example: 'u-7' }),
    }),
  },
  responses: {
    202: answer('The receipt. Location is the path of its progress.', receiptSchema),
  },
});

const progressRoute = createRoute({
  method: 'get',
  path: '/erasures/{receipt}',
  summary: 'How far an erasure is',
  request: {
    params: z.object({
      receipt: z
        .uuid()
        .openapi({ description: 'The receipt in the answer to DELETE /users/{id}.' }),
    }),
  },
  responses: {
    200: answer('The receipt as it is now.', receiptSchema),
    404: problem('There is no such receipt.'),
  },
});

export function erasureRoutes(app: OpenAPIHono<AppEnv>, { erasures }: Services): void {
  app.openapi(eraseRoute, async (c) => {
    const request = await erasures.begin(c.req.valid('param').id);
    Object.assign(c.get('audit'), { receipt: request.id });
    c.header('Location', `/erasures/${request.id}`);
    return c.json(viewOf(request), 202);
  });

  app.openapi(progressRoute, async (c) => {
    const request = await erasures.request(c.req.valid('param').receipt.toLowerCase());
    if (request === null)
      throw new ProblemError({
        status: 404,
        code: 'receipt_not_found',
        detail: 'No erasure has this receipt; DELETE /users/{id} answers with the right one.',
      });
    return c.json(viewOf(request), 200);
  });
}

function viewOf({ id, at, finishedAt, counts }: ErasureRequest): ErasureView {
  const count = (name: string): number => counts[name] ?? 0;
  return {
    receipt: id,
    state: finishedAt === null ? 'running' : 'done',
    requested_at: new Date(at).toISOString(),
    finished_at: finishedAt === null ? null : new Date(finishedAt).toISOString(),
    erased: {
      events: count('events'),
      texts: count('texts'),
      dead_letters: count('dead_letters'),
      log_records: count('log_records'),
      sessions: count('sessions'),
      shared_sessions: count('shared_sessions'),
    },
  };
}
