// Checks that the files that were opened are still the ones at their paths, so that nothing is
// written into files that were removed or replaced.

import { type BigIntStats, statSync } from 'node:fs';
import { DependencyError } from '#core/errors/errors.ts';

/** The code of the error that ends the gateway: its files were removed or replaced. */
export const misplacedCode = 'data_folder_replaced';

/**
 * The function throws `DependencyError` when a file is missing or another one has taken its place,
 * and when the disk does not say. It costs one `stat` per file.
 *
 * @param files absolute paths of files that are open and are never replaced by this process
 */
export function watchFiles(files: readonly string[]): () => void {
  const opened = files.map((file) => ({ file, identity: identityOf(statSync(file, bigint)) }));
  return () => {
    for (const { file, identity } of opened) {
      const found = lookAt(file);
      if (found === null) throw misplaced(`${file} was removed`);
      if (identityOf(found) !== identity) throw misplaced(`${file} was replaced by another file`);
    }
  };
}

const bigint = { bigint: true } as const;

const identityOf = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

/** `null` when there is no such file. */
function lookAt(file: string): BigIntStats | null {
  try {
    return statSync(file, bigint);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DependencyError(
      'embedded',
      'io_error',
      `Cannot check whether ${file} is still in place (${reason}).`,
      { retryable: true, cause },
    );
  }
}

/** Retryable although a repeated call must fail too: no event is at fault. */
function misplaced(what: string): DependencyError {
  return new DependencyError(
    'embedded',
    misplacedCode,
    `${what} while the gateway was using it. No further event is accepted. ` +
      'Put the data folder back if you still have it, then start the gateway again.',
    { retryable: true },
  );
}
