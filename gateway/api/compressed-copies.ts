// Makes compressed copies of files that have none: once per content, at the first request.

import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress } from 'node:zlib';
import { makeFolder } from '../../system/make-folder.ts';

/** The first request waits for the copy of a file of at most this size. */
const awaitedBytesMax = 2 ** 20;
/** It makes a graph of 8-bit weights a quarter smaller in a second; the last percents take tens. */
const quality = 5;

export class CompressedCopies {
  readonly #folder: string;
  readonly #making = new Map<string, Promise<void>>();

  /** `folder` is created when it is needed. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The path to which `.br` is appended once the copy exists. It waits for the copy of a small
   * file; a large file is sent uncompressed until its copy is complete. If a copy cannot be
   * written, the file is always sent uncompressed.
   */
  async of(path: string, sha256: string): Promise<string> {
    const copy = join(this.#folder, sha256);
    if ((await stat(`${copy}.br`).catch(() => null)) !== null) return copy;
    const size = (await stat(path).catch(() => null))?.size;
    if (size === undefined) return copy;
    const making = this.#making.get(sha256) ?? this.#make(path, copy).catch(() => undefined);
    this.#making.set(sha256, making);
    if (size <= awaitedBytesMax) await making;
    return copy;
  }

  /** The copy has another name until it is complete; another process may make the same one. */
  async #make(path: string, copy: string): Promise<void> {
    const draft = `${copy}.${process.pid}.part`;
    try {
      makeFolder(this.#folder);
      await pipeline(
        createReadStream(path),
        createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: quality } }),
        createWriteStream(draft),
      );
      await rename(draft, `${copy}.br`);
    } finally {
      await rm(draft, { force: true });
    }
  }
}
