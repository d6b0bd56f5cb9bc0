// Gives every request an id, which its answer, its log lines and its records carry.

import { randomUUID } from 'node:crypto';
import { createMiddleware } from 'hono/factory';
import type { Log } from '../../telemetry/gateway-log.ts';
import type { AppEnv } from '../app-env.ts';

/** Ids that a client may choose: short, and safe in headers and logs. */
const allowedId = /^[A-Za-z0-9._:-]{1,128}$/;

export function requestId(log: Log) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const given = c.req.header('x-request-id');
    const id = given !== undefined && allowedId.test(given) ? given : randomUUID();
    c.set('requestId', id);
    c.set('log', log.child({ request_id: id }));
    c.header('X-Request-Id', id);
    const startedAt = performance.now();
    await next();
    const line = {
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      ms: Math.round((performance.now() - startedAt) * 10) / 10,
    };
    c.get('log').debug(line, 'request');
  });
}
