// Refuses a JSON body that is not UTF-8; decoding would silently replace its invalid bytes. So it
// refuses a compressed one, which only routes with a limit of their own decompress.

import { isUtf8 } from 'node:buffer';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from './problem-response.ts';

/** Reads the body, which a limit must bound before; later readers get the same bytes. */
export const onlyUtf8: MiddlewareHandler<AppEnv> = async (c, next) => {
  const isJson = c.req.header('content-type')?.includes('json') === true;
  const encoding = c.req.header('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (isJson && encoding !== 'identity')
    return problemResponse(c, {
      status: 415,
      code: 'unsupported_content_encoding',
      detail: `Content-Encoding is ${encoding.slice(0, 40)}; send this body uncompressed.`,
    });
  if (isJson && !isUtf8(await c.req.arrayBuffer()))
    return problemResponse(c, {
      status: 400,
      code: 'malformed_json',
      detail: 'The body is not UTF-8, as JSON must be.',
    });
  return next();
};
