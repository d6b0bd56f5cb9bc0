// Reads ids from the key of a record: plain text, or JSON as serializers and Kafka Connect write
// it.

import { isConnectEnvelope } from '#core/event/connect-envelope.ts';
import { isMembers } from '#core/event/exact-json.ts';
import { parseJson } from '#core/event/json-guard.ts';
import { memberText, textOf } from './member-text.ts';

const utf8 = new TextDecoder();

/** `''` for no bytes. */
export const bytesText = (bytes: Uint8Array | null | undefined): string =>
  bytes === null || bytes === undefined ? '' : utf8.decode(bytes);

/** The id that the key is: its text, the text of a JSON string, or an object's only member. */
export function keyId(key: Uint8Array | null): string {
  const json = jsonIn(key);
  const value = withoutSchema(json);
  if (isMembers(value)) {
    const [only, ...others] = Object.values(value);
    return others.length === 0 ? textOf(only) : '';
  }
  // Any other JSON, such as a number, is the text as it was sent, if nothing is around it.
  return typeof value === 'string' || value !== json ? textOf(value) : bytesText(key);
}

/** Reads a member of a JSON key, as `memberText` reads one of a value. */
export function keyMember(name: string): (key: Uint8Array | null) => string {
  const of = memberText(name);
  return (key) => of(withoutSchema(jsonIn(key)));
}

/** `undefined` for a key that is not JSON. */
function jsonIn(key: Uint8Array | null): unknown {
  const json = key === null ? null : parseJson(key);
  return json?.ok === true ? json.value : undefined;
}

/** Without the schema that Kafka Connect puts around a key. */
const withoutSchema = (value: unknown): unknown =>
  isMembers(value) && isConnectEnvelope(value) ? value['payload'] : value;
