// Holds the keys that are valid now: those of the settings, and those of a file that is read again
// when it changes.

import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '#core/errors/errors.ts';
import { apiKey, parseKeyFile, type ApiKey } from '../config/api-keys.ts';
import type { Config } from '../config/config.ts';
import { lookEveryMs, watchedFile } from '../http/watched-file.ts';
import type { Log } from '../telemetry/gateway-log.ts';

export type KeyRing = Disposable & {
  /** Empty: no key is asked for (on a loopback host only). */
  keys(): readonly ApiKey[];
};

/** Those of the settings alone. */
export function fixedKeys({
  apiKey: single,
  apiKeys,
}: Pick<Config['gateway'], 'apiKey' | 'apiKeys'>): readonly ApiKey[] {
  return [...(single === null ? [] : [apiKey('api-key', ['admin'], single)]), ...apiKeys];
}

/**
 * Throws `UsageError` when the file cannot be used; a later change that cannot is logged, and the
 * keys stay as they were.
 */
export async function openKeyRing(
  config: Pick<Config['gateway'], 'apiKey' | 'apiKeys' | 'apiKeysFile'>,
  log: Log,
): Promise<KeyRing> {
  const { apiKeysFile } = config;
  const fixed = fixedKeys(config);
  refuseTwins(fixed);
  if (apiKeysFile === null) return { keys: () => fixed, [Symbol.dispose]: () => undefined };
  let keys = [...fixed, ...(await keysIn(apiKeysFile, log))];
  refuseTwins(keys);
  const reread = async (): Promise<void> => {
    const next = [...fixed, ...(await keysIn(apiKeysFile, log))];
    refuseTwins(next);
    keys = next;
    log.info({ keys: keys.map(({ name }) => name) }, 'the API keys were read again');
  };
  const watch = watchedFile(apiKeysFile, lookEveryMs, () => {
    reread().catch((error: unknown) =>
      log.error(
        { reason: error instanceof Error ? error.message : String(error) },
        'the API keys stay as they were',
      ),
    );
  });
  return { keys: () => keys, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}

async function keysIn(path: string, log: Log): Promise<readonly ApiKey[]> {
  let text: string;
  try {
    const { mode } = await stat(path);
    // Modes mean nothing on Windows. Secrets that an orchestrator mounts are often readable by all
    // of the container.
    if (process.platform !== 'win32' && (mode & 0o022) !== 0)
      throw new UsageError(`gateway.apiKeysFile: others may write to ${path}: chmod 600 it.`);
    if (process.platform !== 'win32' && (mode & 0o004) !== 0)
      log.warn({ path }, 'every user of this machine can read the API keys: chmod 600 the file');
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `gateway.apiKeysFile: ${path} cannot be read: ${error instanceof Error && 'code' in error ? String(error.code) : String(error)}.`,
      { cause: error },
    );
  }
  const { keys, wrong } = parseKeyFile(text);
  if (wrong !== null)
    throw new UsageError(
      `gateway.apiKeysFile: line ${wrong} of ${path} is not a key; allowed: name:scope:key, where scope is read, write, read+write or admin, and key has at least 16 characters.`,
    );
  if (keys.length === 0) throw new UsageError(`gateway.apiKeysFile: ${path} holds no key.`);
  return keys;
}

/**
 * A name stands for one client in the audit trail, and a key for one name. During a rotation they
 * are called apart: shop-1, shop-2.
 */
function refuseTwins(keys: readonly ApiKey[]): void {
  const names = new Set(keys.map(({ name }) => name));
  if (names.size < keys.length)
    throw new UsageError(
      'Two API keys have the same name: give each its own, such as shop-1 and shop-2.',
    );
  if (new Set(keys.map(({ digest }) => digest.toString('hex'))).size < keys.length)
    throw new UsageError('The same API key stands under two names.');
}
