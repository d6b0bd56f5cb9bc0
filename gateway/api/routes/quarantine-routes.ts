// Lists the runners that may not join any gateway of the store, adds one, and lets one join again.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { RunnerBlock } from '#core/ports.ts';
import { blockId } from '#core/trust/runner-blocks.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { runnerOf, runnerSchema } from '../views/stats-view.ts';
import { noSuchRunner, runnerById, runnerParams } from './runner-routes.ts';
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

const quarantineRequest = z
  .strictObject({
    reason: z
      .string()
      .trim()
      .min(1)
      .max(500)
      .openapi({ description: 'Why; shown to everyone who sees the runner, and to its owner.' }),
  })
  .openapi('QuarantineRequest', { example: { reason: 'its machine is shared with strangers' } });
export type QuarantineRequest = z.input<typeof quarantineRequest>;

const quarantineRoute = createRoute({
  method: 'post',
  path: '/runners/{id}/quarantine',
  summary: 'Disconnect a runner, and keep it out for a while',
  description:
    'The same happens as when its vectors are wrong: what it embedded since its last good check ' +
    'is withheld and embedded again, and it may not join any gateway of the store for a minute, ' +
    'then two, four and so on up to a day. A runner that is in quarantine already stays in it.',
  request: {
    params: runnerParams,
    body: { content: { 'application/json': { schema: quarantineRequest } }, required: true },
  },
  responses: {
    200: answer('It is in quarantine.', runnerSchema),
    404: noSuchRunner,
    409: problem('The runner is trusted: none of those is ever kept out.'),
    422: problem('The reason is missing or too long.'),
    503: problem('The store does not answer: it is kept out here now, elsewhere later.'),
  },
});
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

export function quarantineRoutes(
  app: OpenAPIHono<AppEnv>,
  { blocks, runners, quarantineRunner, log }: Services,
): void {
  app.openapi(quarantineRoute, async (c) => {
    const { id } = c.req.valid('param');
    const { reason } = c.req.valid('json');
    const runner = runnerById(runners(), id);
    if (runner.trusted)
      throw new ProblemError({
        status: 409,
        code: 'runner_trusted',
        detail:
          'A trusted runner is never kept out. Stop it on its machine, or change ' +
          'VECTORSTREAM_TRUSTED_RUNNER_TOKEN.',
      });
    Object.assign(c.get('audit'), { runner: runner.name, join_token: runner.tokenId, reason });
    quarantineRunner(id, `by an operator: ${reason}`);
    await blocks.written();
    return c.json(runnerOf(runnerById(runners(), id)), 200);
  });
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
