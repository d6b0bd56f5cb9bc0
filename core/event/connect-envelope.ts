// Recognises the envelope that Kafka Connect puts around a value or a key.

import type { Members } from './exact-json.ts';

/** It has a `schema` and a `payload`, and nothing else. */
export const isConnectEnvelope = (value: Members): boolean =>
  Object.keys(value).length === 2 &&
  Object.hasOwn(value, 'schema') &&
  Object.hasOwn(value, 'payload');
