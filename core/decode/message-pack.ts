// Reads MessagePack into a JSON value, as its specification (github.com/msgpack/msgpack, spec.md)
// describes it.

import { parseExactly } from '#core/event/exact-json.ts';
import { shortestFloat } from './schema-input.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const depthMax = 64;

/** Whether the first byte is that of a map or an array, which no text in ASCII begins with. */
export function mayBeMessagePack(bytes: Uint8Array): boolean {
  const first = bytes[0] ?? 0;
  return (first >= 0x80 && first <= 0x9f) || (first >= 0xdc && first <= 0xdf);
}

/**
 * Whole numbers beyond 2^53 keep their digits, as `parseExactly` reads them. Binary data is read as
 * UTF-8, and a timestamp as its date-time. `undefined` unless the bytes are one whole value.
 */
export function readMessagePack(bytes: Uint8Array): unknown {
  try {
    const reader = new Reader(bytes);
    const value = reader.value(0);
    return reader.isAtEnd ? value : undefined;
  } catch {
    return undefined;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Throws where the bytes end too early or have no meaning. */
  value(depth: number): unknown {
    if (depth > depthMax) throw new RangeError('nested too deep');
    const type = this.#unsigned(1);
    if (type <= 0x7f) return type;
    if (type <= 0x8f) return this.#map(type & 0x0f, depth);
    if (type <= 0x9f) return this.#array(type & 0x0f, depth);
    if (type <= 0xbf) return this.#text(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    return this.#typed(type, depth);
  }

  #typed(type: number, depth: number): unknown {
    // oxfmt-ignore
    switch (type) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xd9: return this.#text(this.#unsigned(1));
      case 0xc5: case 0xda: return this.#text(this.#unsigned(2));
      case 0xc6: case 0xdb: return this.#text(this.#unsigned(4));
      case 0xc7: return this.#extension(this.#unsigned(1));
      case 0xca: return shortestFloat(this.#view.getFloat32(this.#take(4)));
      case 0xcb: return this.#view.getFloat64(this.#take(8));
      case 0xcc: return this.#unsigned(1);
      case 0xcd: return this.#unsigned(2);
      case 0xce: return this.#unsigned(4);
      case 0xcf: return exact(this.#view.getBigUint64(this.#take(8)));
      case 0xd0: return this.#view.getInt8(this.#take(1));
      case 0xd1: return this.#view.getInt16(this.#take(2));
      case 0xd2: return this.#view.getInt32(this.#take(4));
      case 0xd3: return exact(this.#view.getBigInt64(this.#take(8)));
      case 0xd6: return this.#extension(4);
      case 0xd7: return this.#extension(8);
      case 0xdc: return this.#array(this.#unsigned(2), depth);
      case 0xdd: return this.#array(this.#unsigned(4), depth);
      case 0xde: return this.#map(this.#unsigned(2), depth);
      case 0xdf: return this.#map(this.#unsigned(4), depth);
      default: throw new RangeError('a type without a meaning in JSON');
    }
  }

  #array(count: number, depth: number): readonly unknown[] {
    this.#expect(count);
    return Array.from({ length: count }, () => this.value(depth + 1));
  }

  #map(count: number, depth: number): object {
    this.#expect(2 * count);
    return Object.fromEntries(
      Array.from({ length: count }, () => {
        const key = this.value(depth + 1);
        if (typeof key !== 'string' && typeof key !== 'number')
          throw new RangeError('a key that is not text');
        return [String(key), this.value(depth + 1)];
      }),
    );
  }

  #text(size: number): string {
    const from = this.#take(size);
    return utf8.decode(this.#bytes.subarray(from, from + size));
  }

  /** A timestamp, type -1, of 4, 8 or 12 bytes. */
  #extension(size: number): string {
    if (this.#view.getInt8(this.#take(1)) !== -1) throw new RangeError('an unknown extension');
    if (size === 4) return dateTime(BigInt(this.#unsigned(4)), 0);
    if (size === 8) {
      const both = this.#view.getBigUint64(this.#take(8));
      return dateTime(both & 0x3_ffff_ffffn, Number(both >> 34n));
    }
    if (size !== 12) throw new RangeError('no size of a timestamp');
    const nanoseconds = this.#unsigned(4);
    return dateTime(this.#view.getBigInt64(this.#take(8)), nanoseconds);
  }

  #unsigned(size: 1 | 2 | 4): number {
    const at = this.#take(size);
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #take(size: number): number {
    this.#expect(size);
    this.#at += size;
    return this.#at - size;
  }

  /** Every value has at least a byte, so that a false count ends here. */
  #expect(count: number): void {
    if (this.#at + count > this.#bytes.length) throw new RangeError('the bytes end too early');
  }
}

const exact = (value: bigint): unknown => parseExactly(String(value));

function dateTime(seconds: bigint, nanoseconds: number): string {
  const time = new Date(Number(seconds) * 1000).toISOString().slice(0, -5);
  return `${time}.${String(nanoseconds).padStart(9, '0')}Z`;
}
