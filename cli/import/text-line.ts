// Decodes a line to text without a byte-order mark, and says why when no reader should read it.

import type { TextLine } from './csv-records.ts';
import { type Line, lineBytesMax } from './lines.ts';

export function textLine(line: Line, decode: (bytes: Uint8Array) => string): TextLine {
  const decoded = decode(line.bytes);
  const text = line.number === 1 && decoded.startsWith('\uFEFF') ? decoded.slice(1) : decoded;
  const problem = line.tooLong
    ? `line longer than ${lineBytesMax / 1024 / 1024} MiB`
    : text.includes('\0')
      ? 'line holds NUL bytes'
      : null;
  return { number: line.number, text, problem };
}
