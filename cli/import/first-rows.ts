// Reads the rows at the beginning of a CSV file.

import type { CsvRow } from './csv-records.ts';
import { lineDecoder } from './decode.ts';
import { LineSplitter } from './lines.ts';
import type { RowReader } from './ndjson-reader.ts';
import { sampleBytesMax } from './open-file.ts';
import type { Dialect } from './sniff.ts';
import { textLine } from './text-line.ts';

/** @param sample what `sampleLog` returns */
export function firstRows(sample: Buffer, dialect: Dialect, reader: RowReader): CsvRow[] {
  const splitter = new LineSplitter(dialect.newline);
  const decode = lineDecoder(dialect.encoding, dialect.encodingDetected);
  const utf16 = dialect.encoding.startsWith('utf-16');
  const bytes = utf16 ? Buffer.from(new TextDecoder(dialect.encoding).decode(sample)) : sample;
  const rows: CsvRow[] = [];
  const lines = [...splitter.push(bytes)];
  // A sample of the full size ends inside a line, which would mislead.
  if (sample.length < sampleBytesMax) lines.push(...splitter.end());
  for (const line of lines.slice(dialect.skipLines))
    for (const row of reader.push(textLine(line, decode))) if ('fields' in row) rows.push(row);
  return rows;
}
