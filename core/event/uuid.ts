// Makes UUIDv5 ids, so that the same event or text has the same id in every process and after every
// restart.

import { assert } from '#core/errors/assert.ts';

/**
 * The namespace of every id that VectorStream makes: UUIDv5 of `vectorstream` in the RFC's DNS
 * namespace.
 */
export const vectorstreamNamespace = '94a95432-eaea-5726-9a7f-e1bcaefd39f9';

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether `text` is a UUID of any version, hyphenated, in either case. */
export function isUuid(text: string): boolean {
  return text.length === 36 && uuidPattern.test(text);
}

/**
 * UUIDv5 (RFC 9562 §5.5): the first 16 bytes of SHA-1 over the namespace and the name (bytes, or
 * text as UTF-8), with version and variant set. It is synchronous and needs no import, because it
 * makes an id per event, in the browser too (`crypto.subtle` is asynchronous).
 */
export function uuidV5(
  name: string | Uint8Array,
  namespace: string = vectorstreamNamespace,
): string {
  assert(isUuid(namespace), `The namespace "${namespace}" is not a UUID`);
  const bytesMax = 16 + name.length * (typeof name === 'string' ? 3 : 1);
  const message =
    bytesMax + paddingBytesMax <= scratch.length
      ? scratch
      : new Uint8Array(bytesMax + paddingBytesMax);
  writeUuid(namespace, message);
  sha1(message, 16 + writeName(name, message, 16));
  const [a, b, c, d] = [state[0] ?? 0, state[1] ?? 0, state[2] ?? 0, state[3] ?? 0];
  return format(a, (b & 0xffff0fff) | 0x5000, (c & 0x3fffffff) | 0x80000000, d);
}

// Scratch space is shared by all calls. Nothing here awaits, so calls do not overlap.
const paddingBytesMax = 72;
const scratch = new Uint8Array(4096);
const schedule = new Int32Array(80);
const state = new Int32Array(5);
const encoder = new TextEncoder();
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function format(a: number, b: number, c: number, d: number): string {
  return (
    `${hex16(a >>> 16)}${hex16(a)}-${hex16(b >>> 16)}-${hex16(b)}-${hex16(c >>> 16)}-` +
    `${hex16(c)}${hex16(d >>> 16)}${hex16(d)}`
  );
}

function hex16(word: number): string {
  return `${hex[(word >>> 8) & 255]}${hex[word & 255]}`;
}

function writeUuid(uuid: string, into: Uint8Array): void {
  let at = 0;
  for (let index = 0; index < 36; index += 2) {
    if (uuid.charCodeAt(index) === 45) index++;
    into[at++] = (nibble(uuid.charCodeAt(index)) << 4) | nibble(uuid.charCodeAt(index + 1));
  }
}

/** `0`–`9` are 48–57; the low three bits of `a`–`f` and `A`–`F` are 1–6. */
function nibble(code: number): number {
  return code < 58 ? code - 48 : (code & 7) + 9;
}

function writeName(name: string | Uint8Array, into: Uint8Array, from: number): number {
  if (typeof name === 'string') return writeUtf8(name, into, from);
  into.set(name, from);
  return name.length;
}

/**
 * Returns the number of bytes written. ASCII, the usual case, is copied here, because for short
 * names that is faster than calling the encoder.
 */
function writeUtf8(text: string, into: Uint8Array, from: number): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 127) return encoder.encodeInto(text, into.subarray(from)).written;
    into[from + index] = code;
  }
  return text.length;
}

/**
 * Writes the SHA-1 (FIPS 180-4 §6.1) of `message[0, length)` into `state`, and the padding after
 * the message.
 */
function sha1(message: Uint8Array, length: number): void {
  const end = (length + paddingBytesMax) & ~63;
  message.fill(0, length, end);
  message[length] = 0x80;
  for (let byte = 0, bits = length * 8; bits > 0; byte++, bits = Math.floor(bits / 256))
    message[end - 1 - byte] = bits % 256;

  let h0 = 0x67452301,
    h1 = 0xefcdab89 | 0,
    h2 = 0x98badcfe | 0,
    h3 = 0x10325476,
    h4 = 0xc3d2e1f0 | 0;
  const w = schedule;
  for (let block = 0; block < end; block += 64) {
    for (let t = 0, at = block; t < 16; t++, at += 4) {
      w[t] =
        ((message[at] ?? 0) << 24) |
        ((message[at + 1] ?? 0) << 16) |
        ((message[at + 2] ?? 0) << 8) |
        (message[at + 3] ?? 0);
    }
    for (let t = 16; t < 80; t++) {
      const x = (w[t - 3] ?? 0) ^ (w[t - 8] ?? 0) ^ (w[t - 14] ?? 0) ^ (w[t - 16] ?? 0);
      w[t] = (x << 1) | (x >>> 31);
    }
    let a = h0,
      b = h1,
      c = h2,
      d = h3,
      e = h4;
    for (let t = 0; t < 80; t++) {
      const f =
        t < 20
          ? ((b & c) | (~b & d)) + 0x5a827999
          : t < 40
            ? (b ^ c ^ d) + 0x6ed9eba1
            : t < 60
              ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
              : (b ^ c ^ d) + 0xca62c1d6;
      const next = (((a << 5) | (a >>> 27)) + f + e + (w[t] ?? 0)) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    h0 = (h0 + a) | 0;
    h1 = (h1 + b) | 0;
    h2 = (h2 + c) | 0;
    h3 = (h3 + d) | 0;
    h4 = (h4 + e) | 0;
  }
  state[0] = h0;
  state[1] = h1;
  state[2] = h2;
  state[3] = h3;
  state[4] = h4;
}
