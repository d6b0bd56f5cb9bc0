// Reads untrusted JSON, and refuses what would overflow the stack, lose a number or reach a
// prototype.

import { isExactNumber, parseExactly } from './exact-json.ts';

export type Path = readonly PropertyKey[];
export type Problem = { readonly path: Path; readonly message: string };
export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The input must be UTF-8; a byte-order mark is allowed. Lone surrogates become U+FFFD, so that
 * every string in the value is well-formed. Long numbers are read by `parseExactly`.
 */
export function parseJson(bytes: Uint8Array): ParsedJson {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return {
      ok: false,
      message: 'got bytes that are not UTF-8, allowed: one JSON object in UTF-8',
    };
  }
  try {
    return { ok: true, value: parseExactly(repairEscapes(text)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      message:
        `got text that is not JSON (${printable(reason, 160)}), ` +
        'allowed: one JSON object in UTF-8',
    };
  }
}

/** A text that may hold an object or a list as JSON; `null` for any other value. */
export const innerText = (value: unknown): string | null =>
  typeof value === 'string' && /^\s*[{[]/.test(value) ? value : null;

/** The object that a JSON text holds as text, `"{\\"a\\":1}"`; `null` for any other value. */
export function innerJson(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*\{/.test(value)) return null;
  try {
    return parseExactly(repairEscapes(value));
  } catch {
    return null;
  }
}

/**
 * UTF-8 has no lone surrogates, so only an escape such as `\ud83d` can make one. The pattern skips
 * escaped backslashes.
 */
function repairEscapes(json: string): string {
  if (!json.includes('\\u')) return json;
  return json.replace(escapes, (escape, lone) =>
    lone === undefined ? escape : String.raw`\ufffd`,
  );
}

/** Any escape; only a lone surrogate is captured, and a pair of surrogates is one match. */
const escapes =
  /\\(?:u[dD][89abAB]\p{AHex}{2}\\u[dD][c-fC-F]\p{AHex}{2}|(u[dD][89a-fA-F]\p{AHex}{2})|[^])/gu;

/** Keys through which a careless copy would reach a prototype. */
export const forbiddenKeys: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'prototype',
]);

/**
 * The first problem in a JSON value, or `null` when there is none. Problems are nesting beyond
 * `depthMax` (an object or array at the top has depth 1), a forbidden key, and a number too large
 * for a float64 (`1e999`), which would be written as `null`.
 */
export function structureProblem(
  value: unknown,
  depthMax: number,
  path: Path = [],
): Problem | null {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return {
      path,
      message: 'got a number beyond the range of a 64-bit float, allowed: a finite number',
    };
  }
  if (typeof value !== 'object' || value === null || isExactNumber(value)) return null;
  if (path.length >= depthMax)
    return {
      path,
      message: `got nesting of more than ${depthMax} levels, allowed: at most ${depthMax}`,
    };
  for (const [key, member] of Object.entries(value)) {
    if (forbiddenKeys.has(key)) {
      return {
        path: [...path, key],
        message: 'got a reserved name, allowed: any name but __proto__, constructor and prototype',
      };
    }
    // Most members are strings, which cannot have a problem: do not build a path for them.
    if (typeof member !== 'object' && typeof member !== 'number') continue;
    const problem = structureProblem(member, depthMax, [...path, key]);
    if (problem !== null) return problem;
  }
  return null;
}

/** Whether objects and lists are nested deeper, where `JSON.stringify` may find no room. */
export function isDeeperThan(depthMax: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null || isExactNumber(value)) return false;
  return depthMax === 0 || Object.values(value).some((inner) => isDeeperThan(depthMax - 1, inner));
}

/** The value at a path; `undefined` when there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce((at, key) => (isObject(at) ? at[key] : undefined), value);
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null;
}

/**
 * A path for a person, such as `product.price`; empty for the whole value. Long paths are
 * shortened, because an attacker may choose the names.
 */
export function dotted(path: Path): string {
  return printable(
    path
      .slice(0, 8)
      .map((key) => printable(String(key), 64))
      .join('.') + (path.length > 8 ? '…' : ''),
    256,
  );
}

/** Describes a received value briefly and safely: `-3`, `"chair"`, `an array of 2`, `nothing`. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'number':
    case 'boolean':
      return String(value);
    case 'string':
      return value.length <= 60
        ? `"${printable(value, 60)}"`
        : `"${printable(value, 40)}" (${Array.from(value).length} characters)`;
    default:
      if (value === null) return 'null';
      if (isExactNumber(value)) return printable(value.rawJSON, 60);
      return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
  }
}

/**
 * One line of about `lengthMax` characters at most. Control characters, format characters and lone
 * surrogates are written as escapes.
 */
export function printable(text: string, lengthMax: number): string {
  const short = text.length <= lengthMax ? text : `${text.slice(0, lengthMax).toWellFormed()}…`;
  return short.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
