// Compresses an LZ4 block so that every decoder accepts it, including the strict decoders of
// brokers; decompresses a block, and refuses an invalid one.
//
// The compression is greedy, with one candidate per hash. A sequence is a token (4 bits of literal
// length, 4 bits of match length minus 4), the literals, and the match's offset. A length of 15
// continues in bytes of up to 255.
// https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md

const matchBytesMin = 4;
/**
 * The format's "end of block conditions": the last match starts at least this many bytes before the
 * end, and the last 5 bytes are literals.
 */
const lastMatchStartBytes = 12;
const lastLiteralBytes = 5;
const hashBits = 14;

/** The size that `target` needs: what cannot be compressed at all grows to this many bytes. */
export const lz4BlockBytesMax = (bytes: number): number => bytes + Math.ceil(bytes / 255) + 16;

/**
 * Compresses `source`, which has at most 64 KiB, into `target`.
 *
 * @returns the compressed length in bytes
 */
export function compressLz4Block(source: Buffer, target: Buffer): number {
  /** Positions in `source`, plus one: 0 means none. */
  const table = new Int32Array(1 << hashBits);
  const matchStartMax = source.length - lastMatchStartBytes;
  const matchEndMax = source.length - lastLiteralBytes;
  let anchor = 0;
  let out = 0;

  const writeLength = (length: number): void => {
    let left = length - 15;
    if (left < 0) return;
    for (; left >= 255; left -= 255) target[out++] = 255;
    target[out++] = left;
  };
  const writeLiterals = (end: number, matchBits: number): void => {
    const length = end - anchor;
    target[out++] = (Math.min(length, 15) << 4) | matchBits;
    writeLength(length);
    for (let from = anchor; from < end; from++) target[out++] = source[from] ?? 0;
  };

  for (let at = 0; at <= matchStartMax;) {
    const four = source.readInt32LE(at);
    const hash = Math.imul(four, 0x9e3779b1) >>> (32 - hashBits);
    const candidate = (table[hash] ?? 0) - 1;
    table[hash] = at + 1;
    if (candidate < 0 || source.readInt32LE(candidate) !== four) {
      // The step grows while nothing repeats, so that incompressible bytes pass quickly.
      at += 1 + ((at - anchor) >> 6);
      continue;
    }
    let end = at + matchBytesMin;
    while (end < matchEndMax && source[end] === source[end - at + candidate]) end += 1;
    const length = end - at - matchBytesMin;
    writeLiterals(at, Math.min(length, 15));
    out = target.writeUInt16LE(at - candidate, out);
    writeLength(length);
    anchor = at = end;
  }
  writeLiterals(source.length, 0);
  return out;
}

/**
 * Decompresses `block` into `target` from position `start` on.
 *
 * @param first the position in `target` that matches may reach back to
 * @returns the position after the last byte written
 * @throws Error when the block is incomplete, reaches back beyond `first`, or does not fit
 */
export function decompressLz4Block(
  block: Uint8Array,
  target: Uint8Array,
  start: number,
  first: number,
): number {
  let at = 0;
  let out = start;
  const next = (): number => {
    const byte = block[at++];
    if (byte === undefined) throw new Error(`An LZ4 block of ${block.length} bytes ends too early`);
    return byte;
  };
  const long = (short: number): number => {
    let total = short;
    for (let more = short === 15 ? 255 : 0; more === 255; total += more) more = next();
    return total;
  };
  const take = (count: number): number => {
    if (count > target.length - out)
      throw new Error('An LZ4 block is larger than its frame allows');
    return out + count;
  };
  for (;;) {
    const token = next();
    const literals = long(token >> 4);
    if (literals > block.length - at)
      throw new Error(`${literals} LZ4 literals extend beyond the end of their block`);
    for (const end = take(literals); out < end;) target[out++] = block[at++] ?? 0;
    if (at === block.length) return out;
    const offset = next() + next() * 256;
    if (offset === 0 || offset > out - first)
      throw new Error(`An LZ4 match reaches ${offset} bytes back from byte ${out - first}`);
    for (const end = take(long(token & 15) + matchBytesMin); out < end; out += 1)
      target[out] = target[out - offset] ?? 0;
  }
}
