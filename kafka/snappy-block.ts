// Reads one Snappy block, or refuses it: never past its ends, never back, and never more memory
// than its bytes can stand for.
//
// https://github.com/google/snappy/blob/main/format_description.txt: the length of the whole, then
// literals and copies of what came before.

/** A copy of 64 bytes takes 3. */
const expansionMax = 64 / 3;

/** Throws on bytes that are not one whole Snappy block. */
export function decompressSnappyBlock(block: Uint8Array): Uint8Array {
  let at = 0;
  const next = (): number => {
    const byte = block[at++];
    if (byte === undefined)
      throw new Error(`A Snappy block of ${block.length} bytes ends too early`);
    return byte;
  };
  const littleEndian = (bytes: number): number => {
    let value = 0;
    for (let place = 0; place < bytes; place += 1) value += next() * 2 ** (8 * place);
    return value;
  };

  let length = 0;
  for (let place = 0, more = true; more; place += 7) {
    const byte = next();
    length += (byte & 0x7f) * 2 ** place;
    more = byte > 0x7f;
  }
  if (length > block.length * expansionMax)
    throw new Error(`A Snappy block of ${block.length} bytes cannot stand for ${length}`);

  const target = new Uint8Array(length);
  let out = 0;
  while (at < block.length) {
    const tag = next();
    const short = tag >> 2;
    const kind = tag & 3;
    if (kind === 0) {
      const count = 1 + (short < 60 ? short : littleEndian(short - 59));
      if (count > block.length - at || count > length - out)
        throw new Error(`A Snappy literal of ${count} bytes does not fit`);
      for (const end = at + count; at < end;) target[out++] = block[at++] ?? 0;
    } else {
      const count = kind === 1 ? 4 + (short & 7) : 1 + short;
      const offset = kind === 1 ? (tag >> 5) * 256 + next() : littleEndian(kind === 2 ? 2 : 4);
      if (offset === 0 || offset > out || count > length - out)
        throw new Error(
          `A Snappy copy of ${count} bytes from ${offset} before byte ${out} of ${length} does not fit`,
        );
      for (const end = out + count; out < end; out += 1) target[out] = target[out - offset] ?? 0;
    }
  }
  if (out !== length)
    throw new Error(`A Snappy block says that it stands for ${length} bytes; it holds ${out}`);
  return target;
}
