// Makes the token with which runners of this machine join, in a file that only this user can read.

import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';

/**
 * The token in `<dataDir>/runner-token`, made when there is none; the same after a restart, so that
 * runners find their way back. The folder is made when it is not there: with Kafka and Qdrant
 * nothing else is in it. Throws `UsageError` when the file cannot be used.
 */
export async function localRunnerToken(dataDir: string): Promise<string> {
  const file = join(dataDir, 'runner-token');
  try {
    const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const token = found.trim();
    if (token === '') {
      const made = freshToken();
      await mkdir(dataDir, { recursive: true, mode: 0o700 });
      await writeFile(file, `${made}\n`, { mode: 0o600 });
      return made;
    }
    if (!/^[\x21-\x7e]{1,512}$/.test(token))
      throw new UsageError(
        `${file} does not hold one token: delete it, and a new one is made at the next start.`,
      );
    // It may have been copied or restored with other rights.
    await chmod(file, 0o600);
    return token;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `${file} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** 256 random bits, in characters that fit a header. */
export const freshToken = (): string => randomBytes(32).toString('base64url');
