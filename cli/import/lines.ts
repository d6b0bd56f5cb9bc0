// Splits bytes into numbered lines, however the bytes are cut. Memory is bounded by one line.

/** A longer line is counted and turned away, without keeping its bytes. */
export const lineBytesMax = 4 * 1024 * 1024;

export type Line = {
  /** 1 for the first line of the file. */
  readonly number: number;
  /** The line without its end; only its first kilobyte when `tooLong`. */
  readonly bytes: Buffer;
  readonly tooLong: boolean;
};

const carriageReturn = 13;

/** Splits at `newline` (10, or 13 for the files of old Macs); drops the `\r` of a `\r\n`. */
export class LineSplitter {
  readonly #newline: number;
  #carry: Buffer[] = [];
  #carryBytes = 0;
  #number = 0;

  constructor(newline: number) {
    this.#newline = newline;
  }

  *push(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (
      let end = chunk.indexOf(this.#newline);
      end >= 0;
      end = chunk.indexOf(this.#newline, start)
    ) {
      this.#keep(chunk.subarray(start, end));
      yield this.#line();
      start = end + 1;
    }
    // A copy, because the rest of a chunk would otherwise hold the whole chunk in memory.
    if (start < chunk.length) this.#keep(Buffer.from(chunk.subarray(start)));
  }

  /** The last line, when the file does not end with a line end. */
  *end(): Generator<Line> {
    if (this.#carryBytes > 0) yield this.#line();
  }

  #keep(piece: Buffer): void {
    if (this.#carryBytes <= lineBytesMax) this.#carry.push(piece);
    this.#carryBytes += piece.length;
  }

  #line(): Line {
    const tooLong = this.#carryBytes > lineBytesMax;
    let bytes =
      this.#carry.length === 1 && this.#carry[0] ? this.#carry[0] : Buffer.concat(this.#carry);
    if (tooLong) bytes = Buffer.from(bytes.subarray(0, 1024));
    else if (bytes.at(-1) === carriageReturn) bytes = bytes.subarray(0, -1);
    this.#carry = [];
    this.#carryBytes = 0;
    return { number: ++this.#number, bytes, tooLong };
  }
}
