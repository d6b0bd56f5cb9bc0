// Splits a request body into the bytes of its events without decoding them, so that a broken event
// does not affect the others.

const newline = 0x0a;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * One slice per line that is not blank, at most `most` slices; the rest is ignored. The slices are
 * views into `body`.
 */
export function splitLines(body: Uint8Array, most: number): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < body.length && lines.length < most;) {
    if (isBlank(body[start])) {
      start += 1;
      continue;
    }
    const end = body.indexOf(newline, start);
    lines.push(trim(body, start, end < 0 ? body.length : end));
    start = end < 0 ? body.length : end + 1;
  }
  return lines;
}

/**
 * One slice per item if `body` is a JSON array by its brackets, otherwise `null`. It stops after
 * `most` items, and does not check whether an item is JSON. The slices are views into `body`.
 *
 *     [{"a":1}, {"b":]  → null      [{"a":1}, {"b":}] → {"a":1} and {"b":}      [] → none
 */
export function splitArray(body: Uint8Array, most: number): Uint8Array[] | null {
  const whole = trim(body, 0, body.length);
  if (whole[0] !== openBracket) return null;
  const items: Uint8Array[] = [];
  let depth = 0;
  let itemStart = 1;
  for (let at = 0; at < whole.length; at += 1) {
    const byte = whole[at];
    if (byte === quote) {
      at = endOfString(whole, at);
      if (at < 0) return null;
    } else if (byte === openBrace || byte === openBracket) {
      depth += 1;
    } else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) {
        if (byte !== closeBracket || at !== whole.length - 1) return null;
        const item = trim(whole, itemStart, at);
        if (item.length > 0 || items.length > 0) items.push(item);
      }
    } else if (byte === comma && depth === 1) {
      items.push(trim(whole, itemStart, at));
      if (items.length === most) return items;
      itemStart = at + 1;
    }
  }
  return depth === 0 ? items : null;
}

/** Index of the quote that closes the string opened at `open`; -1 if none does. */
function endOfString(bytes: Uint8Array, open: number): number {
  let close = open;
  for (;;) {
    close = bytes.indexOf(quote, close + 1);
    if (close < 0) return -1;
    let escapes = 0;
    while (bytes[close - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return close;
  }
}

/** `bytes[start, end)` without JSON's white space at both ends. */
function trim(bytes: Uint8Array, start: number, end: number): Uint8Array {
  while (start < end && isBlank(bytes[start])) start += 1;
  while (end > start && isBlank(bytes[end - 1])) end -= 1;
  return bytes.subarray(start, end);
}

const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
