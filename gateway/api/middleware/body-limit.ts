// Refuses bodies that are too large: by their declared length before anything is read, otherwise as
// soon as too many bytes have arrived.

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
    // Accessing the body starts reading it. The unread rest would then stay in the connection and
    // block the next request on it.
    return Number(declared) > bytesMax ? tooLarge(c) : next();
  };
}
