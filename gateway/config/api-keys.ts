// The API keys of this gateway: read from the settings and a file, held as hashes, and compared in
// a time that does not depend on the key that was sent.

import { createHash, timingSafeEqual } from 'node:crypto';
import { weaknessOf } from './weak-secrets.ts';

/**
 * `read` reads, `write` sends events, `admin` does everything. `write` does not include `read`: a
 * shop's sender need not see its customers.
 */
export const scopes = ['read', 'write', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export type ApiKey = {
  /** How logs and the audit trail name its holder. */
  readonly name: string;
  /** With `admin`, all of them. */
  readonly scopes: ReadonlySet<Scope>;
  /** SHA-256. */
  readonly digest: Buffer;
  /** See `weaknessOf`. */
  readonly weakness: string | null;
};

export const keyAllowed =
  'keys as name:scope:key, where scope is read, write, read+write or admin, and key has 16 to ' +
  '512 ' +
  'printable ASCII characters without spaces and commas';

/** Parses `ci:read+write:0f3c…`; `null` when the text is no key. */
export function parseApiKey(text: string): ApiKey | null {
  const [, name = '', granted = '', key = ''] =
    /^([\w.-]{1,64}):([a-z+]{1,32}):([\x21-\x2b\x2d-\x7e]{16,512})$/.exec(text) ?? [];
  const given = granted.split('+');
  return name !== '' && given.every(isScope) ? apiKey(name, given, key) : null;
}

export function apiKey(name: string, granted: readonly Scope[], key: string): ApiKey {
  return {
    name,
    scopes: new Set(granted.includes('admin') ? scopes : granted),
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
