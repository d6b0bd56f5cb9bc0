// Reads a Parquet file as the CSV that it would be, so that mappings and checks are the same.

import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';

/** Snappy is in the package. */
const compressors = {
  GZIP: (input: Uint8Array): Uint8Array => gunzipSync(input),
  ZSTD: (input: Uint8Array): Uint8Array => zstdDecompressSync(input),
};
/** Rows that are in memory at a time. */
const rowsAtOnce = 10_000;

/** A header line, and a line for each row; each field in quotes. Empty for `null`. */
export async function* parquetAsCsv(path: string): AsyncGenerator<Buffer> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const columns = topColumns(metadata.schema);
  yield Buffer.from(csvLine(columns));
  const count = Number(metadata.num_rows);
  for (let rowStart = 0; rowStart < count; rowStart += rowsAtOnce) {
    const rowEnd = Math.min(count, rowStart + rowsAtOnce);
    const rows = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd });
    const lines = rows.map((row) => csvLine(columns.map((column) => textOf(row[column]))));
    yield Buffer.from(lines.join(''));
  }
}

/** The first entry is the whole row; a nested one has children, which are skipped. */
function topColumns(
  schema: readonly { readonly name: string; readonly num_children?: number | undefined }[],
): readonly string[] {
  const names: string[] = [];
  for (let index = 1; index < schema.length; index = after(schema, index))
    names.push(schema[index]?.name ?? '');
  return names;
}

function after(
  schema: readonly { readonly num_children?: number | undefined }[],
  index: number,
): number {
  let next = index + 1;
  for (let left = schema[index]?.num_children ?? 0; left > 0; left -= 1) next = after(schema, next);
  return next;
}

const csvLine = (fields: readonly string[]): string =>
  `${fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',')}\n`;

/** A 64-bit number keeps its digits, and a time is ISO 8601. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  );
}
