// Lets through only who sends the API key, without telling by its timing how much of a guess was right.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from '../app-env.ts';
import { problemResponse } from './problem.ts';

/**
 * Paths that need no key: what a load balancer asks, which tells nothing but alive, started and ready; pages, which a browser cannot
 * send a key with and which hold nothing of the index, and what they are made of; and where runners show a token of their own.
 */
export const openPaths: ReadonlySet<string> = new Set(['/livez', '/readyz', '/startupz', '/health/live', '/health/ready', '/runner', '/demo', '/runners/connect']);
const openBelow: readonly string[] = ['/assets/', '/models/'];

export function requireApiKey(apiKey: string | null) {
  const expected = apiKey === null ? null : digest(apiKey);
  return createMiddleware<AppEnv>(async (c, next) => {
    if (expected === null || openPaths.has(c.req.path) || openBelow.some((prefix) => c.req.path.startsWith(prefix))) return next();
    const given = c.req.header('x-api-key') ?? /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return next();
    c.header('WWW-Authenticate', 'Bearer realm="vectorstream"');
    const detail = given === undefined ? 'An API key is needed: send it as Authorization: Bearer KEY or as X-API-Key.' : 'The API key is wrong.';
    return problemResponse(c, { status: 401, code: given === undefined ? 'api_key_missing' : 'api_key_wrong', detail });
  });
}

/** Equal lengths for any input, as the comparison needs. */
const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
