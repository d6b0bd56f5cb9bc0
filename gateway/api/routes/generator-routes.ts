// PUT /generator: starts and stops the generated events of a gateway that `npm run demo` started.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { answer, problem } from './schemas.ts';

const runningSchema = z
  .strictObject({
    running: z.boolean().openapi({ description: 'true: send events; false: stop.' }),
  })
  .openapi('GeneratorRun', { example: { running: true } });

const putRoute = createRoute({
  method: 'put',
  path: '/generator',
  summary: 'Start or stop the generated events of npm run demo',
  description: 'Only in a gateway that npm run demo started. `generator` in GET /stats follows.',
  request: {
    body: { required: true, content: { 'application/json': { schema: runningSchema } } },
  },
  responses: {
    202: answer('The demo was asked.', runningSchema),
    404: problem('This gateway was not started by npm run demo.'),
  },
});

export function generatorRoute(
  app: OpenAPIHono<AppEnv>,
  { generator, log }: Pick<Services, 'generator' | 'log'>,
): void {
  app.openapi(putRoute, (c) => {
    if (generator.state() === null)
      throw new ProblemError({
        status: 404,
        code: 'no_generator',
        detail:
          'Only a gateway that npm run demo started has a generator, once the events of the demo ' +
          'are stored. For this one: npm run generate.',
      });
    const { running } = c.req.valid('json');
    generator.run(running);
    log.info({ running, request_id: c.get('requestId') }, 'generator asked');
    return c.json({ running }, 202);
  });
}
