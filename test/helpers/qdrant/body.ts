// Reads request bodies as strictly as the server does: it refuses unknown and missing fields, wrong
// types and invalid ids.

import { formatError, validationError } from './qdrant-errors.ts';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };
export type Fields = Readonly<Record<string, Json>>;

export function parseBody(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    throw formatError(describeSyntax(text));
  }
}

/**
 * The message of the server's parser for a body that ends too early; for any other mistake it gives
 * only the position.
 */
function describeSyntax(text: string): string {
  const open: string[] = [];
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] ?? '';
    if (inString) {
      if (sign === '\\') at++;
      else if (sign === '"') inString = false;
    } else if (sign === '"') inString = true;
    else if (sign === '{' || sign === '[') open.push(sign);
    else if (sign === '}' || sign === ']') open.pop();
  }
  const place = `at line 1 column ${text.length}`;
  if (inString) return `EOF while parsing a string ${place}`;
  if (open.length === 0)
    return text === '' ? `EOF while parsing a value ${place}` : `expected value ${place}`;
  return `EOF while parsing ${open.at(-1) === '[' ? 'a list' : 'an object'} ${place}`;
}

/** Checks that `json` is an object with only these fields. */
export function fieldsOf(json: Json | undefined, known: readonly string[], what: string): Fields {
  if (typeof json !== 'object' || json === null || isList(json))
    throw formatError(`invalid type: ${typeName(json)}, expected struct ${what}`);
  const unknown = Object.keys(json).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw formatError(
      `unknown field \`${unknown}\`, ` +
        `expected one of ${known.map((key) => `\`${key}\``).join(', ')}`,
    );
  return json;
}

export function isList(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}

export function listOf(json: Json | undefined, field: string): readonly Json[] {
  if (json === undefined) throw formatError(`missing field \`${field}\``);
  if (!isList(json)) throw formatError(`invalid type: ${typeName(json)}, expected a sequence`);
  return json;
}

export function stringOf(json: Json | undefined, field: string): string {
  if (json === undefined) throw formatError(`missing field \`${field}\``);
  if (typeof json !== 'string')
    throw formatError(`invalid type: ${typeName(json)}, expected a string`);
  return json;
}

export function isUuidText(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

export function pointId(json: Json | undefined): string {
  if (json === undefined) throw formatError('missing field `id`');
  if (typeof json === 'string' && isUuidText(json)) return json.toLowerCase();
  throw formatError(
    `value ${typeof json === 'string' ? json : JSON.stringify(json)} is not a valid point ID, ` +
      'valid values are either an unsigned integer or a UUID',
  );
}

/** 1 or larger. `path` is the field's path in the server's messages. */
export function limitOf(json: Json | undefined, fallback: number, path: string): number {
  if (json === undefined || json === null) return fallback;
  if (typeof json !== 'number' || !Number.isInteger(json) || json < 0)
    throw formatError(`invalid type: ${typeName(json)}, expected usize`);
  if (json < 1) throw validationError(`${path}: value ${json} invalid, must be 1 or larger`);
  return json;
}

export function vectorNumbers(json: readonly Json[]): readonly number[] {
  const numbers = json.filter((value) => typeof value === 'number');
  if (numbers.length !== json.length)
    throw formatError('data did not match any variant of untagged enum VectorStruct');
  return numbers;
}

function typeName(json: Json | undefined): string {
  if (json === null || json === undefined) return 'null';
  if (isList(json)) return 'sequence';
  return typeof json === 'object'
    ? 'map'
    : typeof json === 'string'
      ? `string "${json}"`
      : typeof json;
}
