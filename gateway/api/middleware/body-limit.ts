// Refuses bodies that are too large: by the length that they declare, before anything of them is
// read, else as soon as too much has come.

import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit as countedLimit } from 'hono/body-limit';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from './problem-response.ts';

export function bodyLimit(bytesMax: number): MiddlewareHandler<AppEnv> {
  const tooLarge = (c: Context): Response =>
    problemResponse(c, {
      status: 413,
      code: 'body_too_large',
      detail: `The body is larger than ${bytesMax} bytes.`,
    });
  const counted = countedLimit({ maxSize: bytesMax, onError: tooLarge });
  return async (c, next) => {
    const declared = c.req.header('content-length');
    if (declared === undefined || c.req.header('transfer-encoding') !== undefined)
      return counted(c, next);
    // Whoever so much as looks at the body begins to read it; then the rest of it is left in the
    // connection, and the next request on that waits behind it in vain.
    return Number(declared) > bytesMax ? tooLarge(c) : next();
  };
}
