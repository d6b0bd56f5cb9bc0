// /runners/quarantines lists the runners that may not join any gateway of the store, and lets one
// join again.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { RunnerBlock } from '#core/ports.ts';
import { blockId } from '#core/trust/runner-blocks.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer, problem } from './schemas.ts';

const quarantineSchema = z
  .object({
    id: z.uuid(),
    by: z.enum(['token', 'address']).openapi({
      description:
        'What it follows: a join token, or an address of runners with the shared token. The ' +
        'address itself is not stored.',
    }),
    join_token: z
      .string()
      .nullable()
      .openapi({ description: 'Id of the join token; null for an address.' }),
    reason: z.string().openapi({ description: 'What the runner did wrong, in words.' }),
    times: z.int().openapi({ description: 'How often it was found wrong.' }),
    since: z.iso.datetime().openapi({ description: 'When it was found wrong last.' }),
    until: z.iso.datetime().openapi({ description: 'When it may join again.' }),
  })
  .openapi('Quarantine');
export type Quarantine = z.output<typeof quarantineSchema>;

const listRoute = createRoute({
  method: 'get',
  path: '/runners/quarantines',
  summary: 'Runners that may not join any gateway of the store now',
  responses: {
    200: answer(
      'All of them, the newest first.',
      z.object({ items: z.array(quarantineSchema), next_cursor: z.null() }),
      { items: [], next_cursor: null },
    ),
  },
});
const liftRoute = createRoute({
  method: 'delete',
  path: '/runners/quarantines/{id}',
  summary: 'Let a quarantined runner join again',
  description:
    'The runner starts again: in probation, and with the shortest quarantine if it is wrong.',
  request: { params: z.object({ id: z.uuid() }) },
  responses: {
    204: { description: 'It may join, at other gateways within seconds.' },
    404: problem('There is no such quarantine now.'),
    422: problem('The id is invalid.'),
    503: problem('The store does not answer: the quarantine ends here, elsewhere later.'),
  },
});

export function quarantineRoutes(app: OpenAPIHono<AppEnv>, { blocks, log }: Services): void {
  app.openapi(listRoute, (c) =>
    c.json({ items: blocks.quarantines().map(viewOf), next_cursor: null }, 200),
  );
  app.openapi(liftRoute, async (c) => {
    const { id } = c.req.valid('param');
    const found = blocks.quarantines().find((block) => blockId(block) === id);
    if (found === undefined)
      throw new ProblemError({
        status: 404,
        code: 'quarantine_not_found',
        detail: 'There is no quarantine with this id now; GET /runners/quarantines lists them.',
      });
    await blocks.lift(found);
    log.info({ quarantine: id, request_id: c.get('requestId') }, 'quarantine lifted');
    return c.body(null, 204);
  });
}

const viewOf = (block: RunnerBlock): Quarantine => ({
  id: blockId(block),
  by: block.subject.by,
  join_token: block.subject.by === 'token' ? block.subject.id : null,
  reason: block.reason,
  times: block.times,
  since: new Date(block.at).toISOString(),
  until: new Date(block.until).toISOString(),
});
