// Creates the secrets of this data folder, each in a file that only this user can read.

import { randomBytes } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import { makeFolder } from '../../system/make-folder.ts';

/** `runner-token`: runners on this machine join with it. `join-token-key` signs join tokens. */
export type LocalSecret = 'runner-token' | 'join-token-key';

/**
 * Returns the secret in this file of the data folder, and creates it and the folder if they are
 * missing. It survives a restart, so runners can reconnect.
 *
 * @throws UsageError when the file cannot be used
 */
export async function localSecret(dataDir: string, name: LocalSecret): Promise<string> {
  const file = join(dataDir, name);
  try {
    const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const token = found.trim();
    if (token === '') {
      const made = freshToken();
      makeFolder(dataDir);
      await writeFile(file, `${made}\n`, { mode: 0o600 });
      return made;
    }
    if (!/^[\x21-\x7e]{1,512}$/.test(token))
      throw new UsageError(
        `${file} does not hold one token. Delete it: the next start creates a new one.`,
      );
    // A copied or restored file may have other permissions.
    await chmod(file, 0o600);
    return token;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${file} cannot be used: ${reason}`, { cause: error });
  }
}

/** 256 random bits, in characters that are valid in a header. */
export const freshToken = (): string => randomBytes(32).toString('base64url');
