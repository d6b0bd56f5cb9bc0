// The small parts of HTTP that every call needs: addresses with a query string, waiting times, and
// what an error's body tells.

import type { ProblemView } from '../gateway/api/routes/schemas.ts';

type Value = string | number | boolean;
export type Query = Readonly<Record<string, Value | readonly Value[] | null | undefined>>;

/**
 * A list repeats its name; what is undefined is left out. `path` is relative to `url`, of which a
 * path is kept.
 */
export function addressOf(url: string, path: string, query: Query = {}): string {
  const address = new URL(url);
  address.pathname = address.pathname.replace(/\/$/, '') + path;
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat())
      if (one !== undefined && one !== null) address.searchParams.append(name, String(one));
  }
  return address.href;
}

/** `Retry-After` in seconds or as a date (RFC 9110), as ms from `now` (UTC ms). */
export function retryAfterMsOf(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d{1,6}$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** Of a problem document or of an error in OpenAI's shape; nothing of any other body. */
export function problemIn(text: string): Partial<ProblemView> {
  try {
    const body: unknown = JSON.parse(text);
    if (!isObject(body)) return {};
    const { error } = body;
    return isObject(error)
      ? { ...error, ...textOf('code', error['code']), ...textOf('detail', error['message']) }
      : { ...body };
  } catch {
    return {};
  }
}

const textOf = (name: 'code' | 'detail', value: unknown) =>
  typeof value === 'string' ? { [name]: value } : {};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
