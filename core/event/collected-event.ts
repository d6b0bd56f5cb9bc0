// Marks an event that a web page sent by a key that may only collect: when it arrived, and by which
// key. Nobody can trust the page of a visitor, so the gateway sets both.

import { innerJson, parseJson, structureProblem } from './json-guard.ts';

/** The header of its record; the value is the name of the key. Such an event replaces no other. */
export const collectedByHeader = 'x-collected-by';

/**
 * The same event, which may be sent as JSON in JSON, with the time `at` (UTC ms) as its timestamp
 * and `key` as `collected_by`. What is not a JSON object, or is nested deeper than `depthMax`, is
 * returned unchanged: no such event is valid.
 */
export function collectedEvent(
  value: Uint8Array,
  { at, key, depthMax }: { readonly at: number; readonly key: string; readonly depthMax: number },
): Uint8Array {
  const json = parseJson(value);
  const event = json.ok ? (innerJson(json.value) ?? json.value) : null;
  if (typeof event !== 'object' || event === null) return value;
  if (Array.isArray(event) || structureProblem(event, depthMax) !== null) return value;
  const marked = { ...event, timestamp: new Date(at).toISOString(), collected_by: key };
  return new TextEncoder().encode(JSON.stringify(marked));
}
