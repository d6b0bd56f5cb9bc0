// The API keys of this gateway: read from the settings and a file, held as hashes, and compared in
// a time that does not depend on the key that was sent.

import { createHash, timingSafeEqual } from 'node:crypto';
import { parseOrigin } from './network.ts';
import { weaknessOf } from './weak-secrets.ts';

/**
 * `read` reads, `write` sends events, `admin` does everything. `write` does not include `read`: a
 * shop's sender need not see its customers. `search` and `collect` are for keys that everybody can
 * read in a web page: `search` finds products, and `collect` sends new events.
 */
export const scopes = ['admin', 'write', 'read', 'search', 'collect'] as const;
export type Scope = (typeof scopes)[number];

/** Whoever may read may search, and whoever may write may collect. */
const widerScopes: Readonly<Partial<Record<Scope, Scope>>> = { search: 'read', collect: 'write' };

/** The scopes that grant this one, for messages: `write or collect`. */
export const namesOf = (scope: Scope): string =>
  [widerScopes[scope] ?? [], scope].flat().join(' or ');

export function grants(granted: ReadonlySet<Scope>, scope: Scope): boolean {
  const wider = widerScopes[scope];
  return granted.has(scope) || (wider !== undefined && granted.has(wider));
}

/** Whether everybody may know a key with these scopes, because web pages contain it. */
export const areForPages = (granted: ReadonlySet<Scope>): boolean =>
  granted.size > 0 && [...granted].every((scope) => scope === 'search' || scope === 'collect');

export type ApiKey = {
  /** How logs and the audit trail name its holder. */
  readonly name: string;
  /** The scopes of the key. `admin` is expanded to all of them. */
  readonly scopes: ReadonlySet<Scope>;
  /** Origins of the pages that may use it; empty: those of `gateway.corsOrigins`. */
  readonly origins: readonly string[];
  /** SHA-256. */
  readonly digest: Buffer;
  /** See `weaknessOf`. */
  readonly weakness: string | null;
};

export const keyAllowed =
  'keys as name:scope:key, where scope is one or more of admin, write, read, search and collect, ' +
  'joined by + (perhaps with origins: search+collect@https://shop.example), and key has 16 to ' +
  '512 printable ASCII characters without spaces and commas';

const origin = String.raw`https?://[^\s:,|@]+(?::\d{1,5})?`;
const keyPattern = new RegExp(
  String.raw`^(?<name>[\w.-]{1,64}):(?<scopes>[a-z+]{1,40})` +
    String.raw`(?:@(?<origins>${origin}(?:\|${origin})*))?` +
    String.raw`:(?<key>[\x21-\x2b\x2d-\x7e]{16,512})$`,
);

/**
 * Parses `ci:read+write:0f3c…`, or `shop:search@https://shop.example|https://m.shop.example:9a5f…`;
 * `null` when the text is no key.
 */
export function parseApiKey(text: string): ApiKey | null {
  const parts = keyPattern.exec(text)?.groups;
  if (parts === undefined) return null;
  const given = parts['scopes']?.split('+') ?? [];
  const origins = parts['origins']?.split('|').map(parseOrigin) ?? [];
  const known = origins.filter((parsed) => parsed !== null);
  return given.every(isScope) && known.length === origins.length
    ? apiKey(parts['name'] ?? '', given, parts['key'] ?? '', known)
    : null;
}

export function apiKey(
  name: string,
  granted: readonly Scope[],
  key: string,
  origins: readonly string[] = [],
): ApiKey {
  return {
    name,
    scopes: new Set(granted.includes('admin') ? scopes : granted),
    origins,
    digest: digest(key),
    weakness: weaknessOf(key),
  };
}

/**
 * One key per line; blank lines and lines that begin with # are skipped. `wrong` is the number of
 * the first line that is no key, from 1; its text is never returned.
 */
export function parseKeyFile(text: string): {
  readonly keys: readonly ApiKey[];
  readonly wrong: number | null;
} {
  const keys: ApiKey[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const key = parseApiKey(trimmed);
    if (key === null) return { keys, wrong: index + 1 };
    keys.push(key);
  }
  return { keys, wrong: null };
}

/** The key that was sent, or `null`. It compares all keys, so that the time reveals nothing. */
export function findKey(keys: readonly ApiKey[], sent: string): ApiKey | null {
  const hashed = digest(sent);
  let found: ApiKey | null = null;
  for (const key of keys) if (timingSafeEqual(key.digest, hashed)) found = key;
  return found;
}

const isScope = (text: string): text is Scope => scopes.some((scope) => scope === text);

/** The comparison needs equal lengths, which hashes have. */
const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
