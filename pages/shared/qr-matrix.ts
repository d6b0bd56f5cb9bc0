// Draws a text as a QR code (ISO/IEC 18004): bytes, error correction of level M, versions 1 to 20.
//
//     qrMatrix('https://shop.example/lend'); // 29 rows of 29 modules, `true` is dark

import { at } from '#core/errors/assert.ts';

export type QrMatrix = readonly (readonly boolean[])[];

/** Of level M by version: check bytes in each block, and blocks. */
const checkBytes = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];
const blockCounts = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];
const masks: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** `null`: the text has more bytes than the largest code holds (666). */
export function qrMatrix(text: string): QrMatrix | null {
  const bytes = new TextEncoder().encode(text);
  const version = checkBytes.findIndex(
    (_, i) => bytes.length + headBytes(i + 1) <= dataSize(i + 1),
  );
  if (version === -1) return null;
  const drawn = new Drawing(version + 1);
  drawn.fill(withChecks(dataOf(bytes, version + 1), version + 1));
  return masks
    .map((_, mask) => drawn.masked(mask))
    .reduce((best, other) => (penalty(other) < penalty(best) ? other : best));
}

/** Bytes for the mode, the length and the end: 4 + 8 or 16 + 4 bits. */
const headBytes = (version: number): number => (version < 10 ? 2 : 3);

function alignmentCenters(version: number): readonly number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => version * 4 + 10 - i * step)];
}

/** Bytes that fit beside the patterns: data and checks. */
function rawSize(version: number): number {
  const size = version * 4 + 17;
  const centers = alignmentCenters(version).length;
  // Two of the alignment patterns' places overlap each timing line, three are finders.
  const aligned = centers === 0 ? 0 : (centers ** 2 - 3) * 25 - (centers - 2) * 10;
  const patterns = 3 * 64 + 2 * (size - 16) + 31 + aligned + (version >= 7 ? 36 : 0);
  return Math.floor((size ** 2 - patterns) / 8);
}

const dataSize = (version: number): number =>
  rawSize(version) - at(checkBytes, version - 1) * at(blockCounts, version - 1);

function dataOf(bytes: Uint8Array, version: number): readonly number[] {
  const bits: number[] = [];
  const push = (value: number, width: number): void => {
    for (let i = width - 1; i >= 0; i -= 1) bits.push((value >> i) & 1);
  };
  push(4, 4);
  push(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) push(byte, 8);
  push(0, Math.min(4, dataSize(version) * 8 - bits.length));
  while (bits.length % 8 !== 0) bits.push(0);
  const data = Array.from({ length: bits.length / 8 }, (_, i) =>
    bits.slice(i * 8, i * 8 + 8).reduce((value, bit) => value * 2 + bit, 0),
  );
  for (let pad = 0xec; data.length < dataSize(version); pad ^= 0xec ^ 0x11) data.push(pad);
  return data;
}

/** Data and checks of all blocks, interleaved. The last blocks are one byte longer. */
function withChecks(data: readonly number[], version: number): readonly number[] {
  const [count, checks] = [at(blockCounts, version - 1), at(checkBytes, version - 1)];
  const short = Math.floor(data.length / count);
  const longFrom = count - (data.length % count);
  const blocks = Array.from({ length: count }, (_, i) => {
    const start = i * short + Math.max(0, i - longFrom);
    return data.slice(start, start + short + (i < longFrom ? 0 : 1));
  });
  const generator = generatorOf(checks);
  const remainders = blocks.map((block) => remainderOf(block, generator));
  return [...interleaved(blocks, short + 1), ...interleaved(remainders, checks)];
}

const interleaved = (parts: readonly (readonly number[])[], length: number): readonly number[] =>
  Array.from({ length }, (_, i) => parts.flatMap((part) => part[i] ?? [])).flat();

/** In the field of 256 elements over x⁸ + x⁴ + x³ + x² + 1. */
function product(a: number, b: number): number {
  let result = 0;
  for (let i = 7; i >= 0; i -= 1) {
    result = (result << 1) ^ ((result >> 7) * 0x11d);
    result ^= ((b >> i) & 1) * a;
  }
  return result;
}

/** The product of all (x − 2ⁱ), without its first coefficient, which is 1. */
function generatorOf(degree: number): readonly number[] {
  let coefficients = [...Array.from({ length: degree - 1 }, () => 0), 1];
  for (let i = 0, root = 1; i < degree; i += 1, root = product(root, 2))
    coefficients = coefficients.map(
      (coefficient, k) => product(coefficient, root) ^ (coefficients[k + 1] ?? 0),
    );
  return coefficients;
}

function remainderOf(data: readonly number[], generator: readonly number[]): readonly number[] {
  let rest = generator.map(() => 0);
  for (const byte of data) {
    const factor = byte ^ at(rest, 0);
    rest = generator.map((coefficient, k) => (rest[k + 1] ?? 0) ^ product(coefficient, factor));
  }
  return rest;
}

/** The modules of one version: fixed patterns first, then data in the places that are left. */
class Drawing {
  readonly #size: number;
  readonly #dark: boolean[][];
  readonly #isFixed: boolean[][];

  constructor(version: number) {
    this.#size = version * 4 + 17;
    const empty = (): boolean[][] =>
      Array.from({ length: this.#size }, () => Array.from({ length: this.#size }, () => false));
    this.#dark = empty();
    this.#isFixed = empty();
    this.#drawPatterns(version);
  }

  fill(bytes: readonly number[]): void {
    let bit = 0;
    for (let right = this.#size - 1; right >= 1; right -= 2) {
      // The vertical timing line takes a column of its own.
      if (right === 6) right = 5;
      const isUpward = ((right + 1) & 2) === 0;
      for (let step = 0; step < this.#size; step += 1)
        for (const x of [right, right - 1]) {
          const y = isUpward ? this.#size - 1 - step : step;
          if (this.#isFixed[y]?.[x]) continue;
          at(this.#dark, y)[x] = (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
          bit += 1;
        }
    }
  }

  masked(mask: number): QrMatrix {
    this.#drawFormat(mask);
    const isMasked = at(masks, mask);
    return this.#dark.map((row, y) =>
      row.map((dark, x) => (!this.#isFixed[y]?.[x] && isMasked(x, y) ? !dark : dark)),
    );
  }

  #set(x: number, y: number, dark: boolean): void {
    if (x < 0 || y < 0 || x >= this.#size || y >= this.#size) return;
    at(this.#dark, y)[x] = dark;
    at(this.#isFixed, y)[x] = true;
  }

  #drawPatterns(version: number): void {
    const size = this.#size;
    for (let i = 0; i < size; i += 1) {
      this.#set(6, i, i % 2 === 0);
      this.#set(i, 6, i % 2 === 0);
    }
    const rings = (centerX: number, centerY: number, radius: number): void => {
      for (let dy = -radius; dy <= radius; dy += 1)
        for (let dx = -radius; dx <= radius; dx += 1) {
          const ring = Math.max(Math.abs(dx), Math.abs(dy));
          this.#set(centerX + dx, centerY + dy, radius === 4 ? ring !== 2 && ring < 4 : ring !== 1);
        }
    };
    rings(3, 3, 4);
    rings(size - 4, 3, 4);
    rings(3, size - 4, 4);
    const centers = alignmentCenters(version);
    const isFinder = (x: number, y: number): boolean =>
      (x === 6 && (y === 6 || y === size - 7)) || (x === size - 7 && y === 6);
    for (const x of centers) for (const y of centers) if (!isFinder(x, y)) rings(x, y, 2);
    this.#drawFormat(0);
    if (version < 7) return;
    const bits = withRemainder(version, 12, 0x1f25);
    for (let i = 0; i < 18; i += 1) {
      const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
      this.#set(a, b, ((bits >> i) & 1) === 1);
      this.#set(b, a, ((bits >> i) & 1) === 1);
    }
  }

  /** Level M has the number 0. */
  #drawFormat(mask: number): void {
    const size = this.#size;
    const bits = withRemainder(mask, 10, 0x537) ^ 0x5412;
    for (let i = 0; i < 15; i += 1) {
      const dark = ((bits >> i) & 1) === 1;
      const near = i < 6 ? i : i < 8 ? i + 1 : 14 - i + (i === 8 ? 1 : 0);
      if (i < 8) this.#set(8, near, dark);
      else this.#set(near, 8, dark);
      if (i < 8) this.#set(size - 1 - i, 8, dark);
      else this.#set(8, size - 15 + i, dark);
    }
    this.#set(8, size - 8, true);
  }
}

/** The value, followed by its remainder of so many bits. */
function withRemainder(value: number, width: number, divisor: number): number {
  let rest = value;
  for (let i = 0; i < width; i += 1) rest = (rest << 1) ^ ((rest >> (width - 1)) * divisor);
  return (value << width) | rest;
}

/** What makes a code harder to read: runs, blocks, shapes like a finder, and a lack of balance. */
function penalty(matrix: QrMatrix): number {
  const rows = matrix.map((row) => row.map(Number).join(''));
  const columns = rows.map((_, x) => rows.map((row) => row[x]).join(''));
  const lines = [...rows, ...columns];
  const runs = lines.flatMap((line) => line.match(/0{5,}|1{5,}/g) ?? []);
  const finders = lines.flatMap((line) => line.match(/(?=10111010000|00001011101)/g) ?? []);
  const blocks = rows.flatMap((row, y) =>
    Array.from(row).filter((dark, x) => {
      const below = rows[y + 1];
      return row[x + 1] === dark && below?.[x] === dark && below[x + 1] === dark;
    }),
  );
  const dark = rows.join('').replaceAll('0', '').length / rows.length ** 2;
  return (
    runs.reduce((sum, { length }) => sum + length - 2, 0) +
    3 * blocks.length +
    40 * finders.length +
    10 * Math.floor(Math.abs(dark * 20 - 10))
  );
}
