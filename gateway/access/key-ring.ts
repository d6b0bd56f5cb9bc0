// Holds the API keys that are valid now: those of the settings, and those of a file that is reread
// when it changes.

import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '#core/errors/errors.ts';
import { apiKey, keyAllowed, parseKeyFile, type ApiKey } from '../config/api-keys.ts';
import type { Config } from '../config/config.ts';
import { refuseWeakKeys } from '../config/refuse-weak-secrets.ts';
import { watchFileChanges } from '../http/watched-file.ts';
import type { Log } from '../telemetry/gateway-log.ts';

export type KeyRing = Disposable & {
  /** Empty: no key is required, which is possible on a loopback host only. */
  keys(): readonly ApiKey[];
};

/** The keys of the settings, without those of the file. */
export function fixedKeys({
  apiKey: single,
  apiKeys,
}: Pick<Config['gateway'], 'apiKey' | 'apiKeys'>): readonly ApiKey[] {
  return [...(single === null ? [] : [apiKey('api-key', ['admin'], single)]), ...apiKeys];
}

/**
 * Opens the keys. When the file becomes unusable later, that is logged and the keys stay unchanged.
 *
 * @throws UsageError when the file cannot be used
 */
export async function openKeyRing(
  config: Pick<Config['gateway'], 'apiKey' | 'apiKeys' | 'apiKeysFile' | 'host'>,
  log: Log,
): Promise<KeyRing> {
  const { apiKeysFile, host } = config;
  const fixed = fixedKeys(config);
  refuseDuplicates(fixed);
  if (apiKeysFile === null) return { keys: () => fixed, [Symbol.dispose]: () => undefined };
  const withFile = async (): Promise<readonly ApiKey[]> => {
    const all = [...fixed, ...(await keysIn(apiKeysFile, log))];
    refuseDuplicates(all);
    refuseWeakKeys(host, all);
    return all;
  };
  let keys = await withFile();
  const reread = async (): Promise<void> => {
    keys = await withFile();
    log.info({ keys: keys.map(({ name }) => name) }, 'reread the API keys');
  };
  const watch = watchFileChanges(apiKeysFile, () => {
    reread().catch((error: unknown) =>
      log.error(
        { reason: error instanceof Error ? error.message : String(error) },
        'cannot reread the API keys; they stay unchanged',
      ),
    );
  });
  return { keys: () => keys, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}

async function keysIn(path: string, log: Log): Promise<readonly ApiKey[]> {
  let text: string;
  try {
    const { mode } = await stat(path);
    // Windows has no such modes. A mounted secret is often readable by everyone in its container,
    // so that is only a warning.
    if (process.platform !== 'win32' && (mode & 0o022) !== 0)
      throw new UsageError(`gateway.apiKeysFile: other users can write to ${path}: chmod 600 it.`);
    if (process.platform !== 'win32' && (mode & 0o004) !== 0)
      log.warn({ path }, 'every user of this machine can read the API keys: chmod 600 the file');
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(`gateway.apiKeysFile: ${path} cannot be read: ${reason}.`, {
      cause: error,
    });
  }
  const { keys, wrong } = parseKeyFile(text);
  if (wrong !== null)
    throw new UsageError(
      `gateway.apiKeysFile: line ${wrong} of ${path} is not a key; allowed: ${keyAllowed}.`,
    );
  if (keys.length === 0) throw new UsageError(`gateway.apiKeysFile: ${path} holds no key.`);
  return keys;
}

/**
 * Refuses keys that share a name or a key. In the audit trail a name stands for one client. During
 * a rotation the two keys of a client need two names, such as shop-1 and shop-2.
 */
function refuseDuplicates(keys: readonly ApiKey[]): void {
  const names = new Set(keys.map(({ name }) => name));
  if (names.size < keys.length)
    throw new UsageError(
      'Two API keys have the same name: give each its own, such as shop-1 and shop-2.',
    );
  if (new Set(keys.map(({ digest }) => digest.toString('hex'))).size < keys.length)
    throw new UsageError('Two names have the same API key.');
}
