// Decompresses one Snappy block, or refuses it. It never reads beyond the block, never steps back,
// and never allocates more memory than the block can yield.
//
// A block is the decompressed length, followed by literals and by copies of earlier bytes.
// https://github.com/google/snappy/blob/main/format_description.txt

/** A copy of 64 bytes is written in 3. */
const expansionMax = 64 / 3;

/** @throws Error when the bytes are not one complete Snappy block */
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
    throw new Error(`A Snappy block of ${block.length} bytes cannot yield ${length}`);

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
          `A Snappy copy of ${count} bytes from ${offset} before byte ${out} of ${length} ` +
            'does not fit',
        );
      for (const end = out + count; out < end; out += 1) target[out] = target[out - offset] ?? 0;
    }
  }
  if (out !== length)
    throw new Error(`A Snappy block says that it yields ${length} bytes; it yields ${out}`);
  return target;
}
