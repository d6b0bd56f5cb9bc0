// Refuses a body of JSON that is not UTF-8, which would otherwise be read with its broken letters
// replaced, and nobody told.

import { isUtf8 } from 'node:buffer';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from './problem-response.ts';

/** Reads the body, which must be bounded before; whoever asks for it later gets the same bytes. */
export const onlyUtf8: MiddlewareHandler<AppEnv> = async (c, next) => {
  const isJson = c.req.header('content-type')?.includes('json') === true;
  if (isJson && !isUtf8(await c.req.arrayBuffer()))
    return problemResponse(c, {
      status: 400,
      code: 'malformed_json',
      detail: 'The body is not UTF-8, as JSON must be.',
    });
  return next();
};
