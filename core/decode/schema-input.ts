// Reads numbers and texts from the bytes of a record that only its schema gives a meaning, within
// bounds: neither the bytes nor the schema can be trusted.

import { parseExactly } from '#core/event/exact-json.ts';

/** Why bytes do not fit their schema. The message completes "got bytes that do not fit: …". */
export class UnreadableBytes extends Error {
  override readonly name = 'UnreadableBytes';
}

/** How deep values may be nested. A schema may contain itself. */
const depthMax = 64;
/**
 * What the names in a value may take. A schema writes them once, and a record of a few bytes can
 * repeat them without end.
 */
const charactersMax = 4 * 1024 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true });
/** Up to so many bytes become characters at once. */
const shortBytesMax = 8 * 1024;

export class SchemaInput {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** All bytes as characters, right for ASCII: a decoder called for each text is slow. */
  #ascii: string | null = null;
  #at = 0;
  #depth = 0;
  #characters = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get at(): number {
    return this.#at;
  }

  /** A list, map or record begins, whose names have so many characters. */
  enter(characters: number): void {
    this.#depth += 1;
    if (this.#depth > depthMax)
      throw new UnreadableBytes(`it is nested deeper than ${depthMax} levels`);
    this.spend(characters);
  }

  leave(): void {
    this.#depth -= 1;
  }

  /** Counts what takes memory and perhaps no bytes. */
  spend(characters: number): void {
    this.#characters += characters;
    if (this.#characters > charactersMax)
      throw new UnreadableBytes(`its names take more than ${charactersMax} characters`);
  }

  /** Where the next `count` bytes begin. */
  take(count: number): number {
    const from = this.#at;
    if (!(count >= 0 && count <= this.bytes.length - from))
      throw new UnreadableBytes('the bytes end too early');
    this.#at = from + count;
    return from;
  }

  slice(count: number): Uint8Array {
    const from = this.take(count);
    return this.bytes.subarray(from, from + count);
  }

  text(size: number): string {
    const from = this.take(size);
    const to = from + size;
    if (this.bytes.length <= shortBytesMax && this.#isAscii(from, to)) {
      this.#ascii ??= String(Reflect.apply(String.fromCharCode, null, this.bytes));
      return this.#ascii.slice(from, to);
    }
    try {
      return utf8.decode(this.bytes.subarray(from, to));
    } catch {
      throw new UnreadableBytes('a text is not UTF-8');
    }
  }

  #isAscii(from: number, to: number): boolean {
    for (let at = from; at < to; at++) if ((this.bytes[at] ?? 0) >= 0x80) return false;
    return true;
  }

  byte(): number {
    return this.view.getUint8(this.take(1));
  }

  /** A whole number of up to 64 bits, seven of them in each byte; a bigint from 2^49 on. */
  varint(): number | bigint {
    let low = 0;
    for (let scale = 1; scale < 2 ** 49; scale *= 128) {
      const byte = this.byte();
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) return low;
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new UnreadableBytes('a number has more than 64 bits');
  }

  /** A number whose sign is its lowest bit: 0, -1, 1, -2 … */
  zigzag(): number | bigint {
    const value = this.varint();
    if (typeof value === 'bigint') return (value >> 1n) ^ -(value & 1n);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  expectEnd(): void {
    const rest = this.bytes.length - this.#at;
    if (rest > 0) throw new UnreadableBytes(`${rest} bytes are left over`);
  }
}

/** A whole number as JSON, with all its digits. */
export const exactly = (value: number | bigint): unknown =>
  typeof value === 'number' ? value : parseExactly(String(value));

/** The shortest number that is the same 32-bit float: 19.9, not 19.899999618530273. */
export function shortestFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** Bytes in Base64, as Kafka Connect and Protobuf write them in JSON. */
export const base64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));

/** A date-time since 1970, with as many digits of a second as `value` counts: 3, 6 or 9. */
export function dateTimeOf(value: number | bigint, digits: 3 | 6 | 9, zone: 'Z' | ''): unknown {
  const [seconds, fraction] =
    typeof value === 'number' ? inSeconds(value, 10 ** digits) : longInSeconds(value, digits);
  // No date-time of four digits, such as a number that only looks like a time.
  if (seconds < yearMin || seconds > yearMax) return exactly(value);
  const date = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${date}.${String(fraction).padStart(digits, '0')}${zone}`;
}

function inSeconds(value: number, perSecond: number): readonly [number, number] {
  const seconds = Math.floor(value / perSecond);
  return [seconds, value - seconds * perSecond];
}

function longInSeconds(value: bigint, digits: number): readonly [number, number] {
  const perSecond = 10n ** BigInt(digits);
  const fraction = ((value % perSecond) + perSecond) % perSecond;
  return [Number((value - fraction) / perSecond), Number(fraction)];
}

const yearMin = Date.UTC(1000, 0) / 1000;
const yearMax = Date.UTC(9999, 11, 31) / 1000;
