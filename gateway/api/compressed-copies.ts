// Keeps compressed copies of files that have none, made once, by their hash, when first asked for.

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress } from 'node:zlib';

/** Small enough to be waited for. */
const promptBytesMax = 2 ** 20;
/**
 * A graph of 8-bit weights becomes a quarter smaller in a second; higher qualities take tens of
 * seconds for the last percents.
 */
const quality = 5;

export class CompressedCopies {
  readonly #folder: string;
  readonly #making = new Map<string, Promise<void>>();

  /** `folder` is made when it is needed. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The path beside which `.br` is found when the copy is there. A small file's is waited for; a
   * large one is sent as it is until its copy is made. What cannot be written is sent as it is for
   * good.
   */
  async of(path: string, sha256: string): Promise<string> {
    const copy = join(this.#folder, sha256);
    if ((await stat(`${copy}.br`).catch(() => null)) !== null) return copy;
    const size = (await stat(path).catch(() => null))?.size;
    if (size === undefined) return copy;
    const making = this.#making.get(sha256) ?? this.#make(path, copy).catch(() => undefined);
    this.#making.set(sha256, making);
    if (size <= promptBytesMax) await making;
    return copy;
  }

  /** Beside its place until it is whole; another process may make the same. */
  async #make(path: string, copy: string): Promise<void> {
    const draft = `${copy}.${process.pid}.part`;
    try {
      await mkdir(this.#folder, { recursive: true });
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
