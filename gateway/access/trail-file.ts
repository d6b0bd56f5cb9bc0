// Appends whole lines to a file at a path, whatever happens to the file: it may be moved away,
// removed, cut off or full.

import { closeSync, fstatSync, openSync, readSync, renameSync, statSync, writeSync } from 'node:fs';

const newline = 10;

export class TrailFile {
  readonly #path: string;
  readonly #bytesMax: number;
  #descriptor: number;
  /** The last line is incomplete, so the next one must not be appended to it. */
  #isTorn: boolean;

  /**
   * Opens the file, which only the user of this process may read.
   *
   * @param bytesMax a file that would grow beyond it becomes `<path>.1` in place of an older one
   * @throws the error of the file system when the file cannot be opened
   */
  constructor(path: string, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#descriptor = openSync(path, 'a+', 0o600);
    this.#isTorn = endsTorn(this.#descriptor);
  }

  /**
   * Returns what is wrong with the file although the line was written; `null` when all is well.
   *
   * @throws the error of the file system when the line was not written, or not whole
   */
  append(line: string): Error | null {
    const problem = this.#prepare(line);
    const text = `${this.#isTorn ? '\n' : ''}${line}\n`;
    const bytes = Buffer.from(text);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#descriptor, bytes, written);
      this.#isTorn = false;
    } catch (error) {
      if (written > 0) this.#isTorn = bytes[written - 1] !== newline;
      throw error;
    }
    return problem;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** A file that cannot be replaced is written on: a longer file is better than a lost line. */
  #prepare(line: string): Error | null {
    try {
      if (!this.#isInPlace()) this.#reopen();
      const { size } = fstatSync(this.#descriptor);
      if (size > 0 && size + Buffer.byteLength(line) + 1 > this.#bytesMax) {
        renameSync(this.#path, `${this.#path}.1`);
        this.#reopen();
      }
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** False once the file was moved or removed, as log rotation does. */
  #isInPlace(): boolean {
    const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    const opened = fstatSync(this.#descriptor, { bigint: true });
    return found?.dev === opened.dev && found.ino === opened.ino;
  }

  /** The old descriptor is closed last: it stays in use when the new file cannot be opened. */
  #reopen(): void {
    const descriptor = openSync(this.#path, 'a+', 0o600);
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
    this.#isTorn = endsTorn(descriptor);
  }
}

function endsTorn(descriptor: number): boolean {
  const { size } = fstatSync(descriptor);
  const last = new Uint8Array(1);
  return size > 0 && (readSync(descriptor, last, 0, 1, size - 1) === 0 || last[0] !== newline);
}
