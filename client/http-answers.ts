// The small parts of HTTP that every call needs: addresses with a query string, `Retry-After`, and
// the body of an error.

import type { ProblemView } from '../gateway/api/routes/schemas.ts';

type Value = string | number | boolean;
export type Query = Readonly<Record<string, Value | readonly Value[] | null | undefined>>;

/**
 * `path` is appended to the path of `url`. A list in the query repeats its name; null and undefined
 * are left out.
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

/** Reads `Retry-After`, in seconds or as a date (RFC 9110). Returns ms from `now` (UTC ms). */
export function retryAfterMsOf(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d{1,6}$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** Reads a problem document, or an error in OpenAI's shape. Any other body gives `{}`. */
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
