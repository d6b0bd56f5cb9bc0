// Decodes the bytes of a line, even where a line is not in the encoding of its file.

import { UsageError } from '#core/errors/errors.ts';

/**
 * Returns the decoder of a log's lines. If `detected`, it reads a line that is not valid UTF-8 as
 * windows-1252, because some logs mix both.
 */
export function lineDecoder(encoding: string, detected: boolean): (bytes: Uint8Array) => string {
  if (encoding === 'utf-16le' || encoding === 'utf-16be') return utf8;
  if (encoding !== 'utf-8' || !detected) {
    const decoder = new TextDecoder(encoding);
    return (bytes) => decoder.decode(bytes);
  }
  const fallback = new TextDecoder('windows-1252');
  return (bytes) => {
    const text = utf8(bytes);
    return text.includes('\uFFFD') && !Buffer.from(bytes).equals(Buffer.from(text))
      ? fallback.decode(bytes)
      : text;
  };
}

/**
 * The canonical name of an encoding.
 *
 * @throws UsageError when this runtime does not know it
 */
export function encodingNamed(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    throw new UsageError(
      `--encoding ${label}: is not known; use utf-8, utf-16le, utf-16be, windows-1252 ` +
        'or another WHATWG name',
    );
  }
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
