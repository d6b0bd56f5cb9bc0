// /runners: the runners connected to this gateway, and how to drain or disconnect one.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { RunnerView as ConnectedRunner } from '../../fleet/hub-types.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from '../middleware/problem-response.ts';
import type { Services } from '../services.ts';
import { runnerOf, runnerSchema, type RunnerView } from '../views/stats-view.ts';
import { answer, problem } from './schemas.ts';

export const runnerParams = z.object({
  id: z.string().min(1).max(100).openapi({
    description: 'id of a runner: its session, new for every connection.',
    example: '3f0d1c8e-1a63-4a57-9a51-b8f0f3a1f6c2',
  }),
});
export const noSuchRunner = problem('No runner with this id is connected.');

const listRoute = createRoute({
  method: 'get',
  path: '/runners',
  summary: 'The runners connected to this gateway, and recently quarantined ones',
  responses: {
    200: answer('All of them.', z.object({ items: z.array(runnerSchema), next_cursor: z.null() }), {
      items: [],
      next_cursor: null,
    }),
  },
});
const oneRoute = createRoute({
  method: 'get',
  path: '/runners/{id}',
  summary: 'One runner',
  request: { params: runnerParams },
  responses: { 200: answer('The runner.', runnerSchema), 404: noSuchRunner },
});
const drainRoute = createRoute({
  method: 'post',
  path: '/runners/{id}/drain',
  summary: 'Let a runner finish its jobs and leave',
  request: { params: runnerParams },
  responses: {
    202: answer('The runner was asked to leave; it gets no more jobs.', runnerSchema),
    404: noSuchRunner,
  },
});
const removeRoute = createRoute({
  method: 'delete',
  path: '/runners/{id}',
  summary: 'Cut a runner off',
  description: 'Its jobs go to other runners. A supervised runner reconnects by itself.',
  request: { params: runnerParams },
  responses: { 204: { description: 'It is gone.' }, 404: noSuchRunner },
});
const connectRoute = createRoute({
  method: 'get',
  path: '/runners/connect',
  summary: 'WebSocket: where runners join',
  description: 'See docs/runner-protocol.md.',
  responses: {
    101: { description: 'The runner protocol begins.' },
    204: { description: 'The request does not ask for an upgrade, and the token is valid.' },
    401: problem('The runner token is missing or wrong.'),
    429: problem('Too many attempts from this address; retry after the seconds in Retry-After.'),
  },
});

export function runnerRoutes(
  app: OpenAPIHono<AppEnv>,
  { runners, drainRunner, removeRunner, admitRunner, log }: Services,
): void {
  const found = (id: string): RunnerView => runnerOf(runnerById(runners(), id));

  // Before /runners/{id}, which would match it. A browser tells a page nothing about a refused
  // upgrade, so the page first asks here whether its token is valid.
  app.openAPIRegistry.registerPath(connectRoute);
  app.get('/runners/connect', (c) => {
    const admission = admitRunner(
      { authorization: c.req.header('authorization') },
      c.get('client').address,
    );
    if (!admission.ok && (admission.status === 401 || admission.status === 429)) {
      if (admission.status === 401) c.header('WWW-Authenticate', 'Bearer realm="vectorstream"');
      return problemResponse(c, admission);
    }
    return c.body(null, 204);
  });

  app.openapi(listRoute, (c) => {
    const items = runners().map((runner) => shownTo(c, runner));
    return c.json({ items, next_cursor: null }, 200);
  });
  app.openapi(oneRoute, (c) =>
    c.json(shownTo(c, runnerById(runners(), c.req.valid('param').id)), 200),
  );
  app.openapi(drainRoute, (c) => {
    const { id } = c.req.valid('param');
    found(id);
    drainRunner(id);
    log.info({ runner_id: id, request_id: c.get('requestId') }, 'runner asked to drain');
    return c.json(found(id), 202);
  });
  app.openapi(removeRoute, (c) => {
    const { id } = c.req.valid('param');
    found(id);
    removeRunner(id);
    log.info({ runner_id: id, request_id: c.get('requestId') }, 'runner removed');
    return c.body(null, 204);
  });
}

/** @throws ProblemError when no runner of this id is connected or shown */
export function runnerById(runners: readonly ConnectedRunner[], id: string): ConnectedRunner {
  const runner = runners.find((candidate) => candidate.id === id);
  if (runner !== undefined) return runner;
  throw new ProblemError({
    status: 404,
    code: 'runner_not_found',
    detail:
      'No runner with this id is connected; GET /runners lists them. ' +
      'A runner that reconnects gets a new id.',
  });
}

/** The address of a person who lends a tab is shown to nobody else. */
const shownTo = (c: Context<AppEnv>, runner: ConnectedRunner): RunnerView => ({
  ...runnerOf(runner),
  address: c.get('client').scopes.has('admin') ? runner.address : null,
});
