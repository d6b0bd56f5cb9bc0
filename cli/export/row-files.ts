// Writes rows of an export to a file, as NDJSON or as Parquet. Its memory is that of one group of
// rows.

import { open } from 'node:fs/promises';
import type { SchemaElement } from 'hyparquet';
import { fileWriter, ParquetWriter, type ColumnSource } from 'hyparquet-writer';
import type { ExportRow } from './export-row.ts';

export type RowFile = {
  write(rows: readonly ExportRow[]): Promise<void>;
  /** Completes the file. Without it, a Parquet file cannot be read. */
  finish(): Promise<void>;
  /** Closes the file, finished or not. */
  [Symbol.asyncDispose](): Promise<void>;
};

export async function openNdjson(path: string): Promise<RowFile> {
  const file = await open(path, 'w');
  return {
    async write(rows) {
      await file.writeFile(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    },
    finish: () => file.sync(),
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** A row group holds this many rows: of vectors of 384 numbers, 3 MB. */
const groupRows = 2_048;

export function openParquet(path: string): RowFile {
  const writer = new ParquetWriter({
    writer: fileWriter(path),
    schema: [{ name: 'root', num_children: columns.length }, ...columns.flatMap(schemaOf)],
    createdBy: 'VectorStream',
  });
  let waiting: ExportRow[] = [];
  const writeGroup = async (): Promise<void> => {
    const rows = waiting;
    waiting = [];
    const columnData = columns.map((column) => dataOf(column, rows));
    await writer.write({ columnData, rowGroupSize: groupRows });
  };
  return {
    async write(rows) {
      waiting.push(...rows);
      if (waiting.length >= groupRows) await writeGroup();
    },
    async finish() {
      if (waiting.length > 0) await writeGroup();
      await writer.finish();
    },
    // The package opens the file anew for each write.
    async [Symbol.asyncDispose]() {},
  };
}

type Column = {
  readonly name: keyof ExportRow;
  readonly kind: 'string' | 'double' | 'int32' | 'time' | 'json' | 'floats';
};

const columns: readonly Column[] = [
  { name: 'text_id', kind: 'string' },
  { name: 'text', kind: 'string' },
  { name: 'kind', kind: 'string' },
  { name: 'product_id', kind: 'string' },
  { name: 'product_name', kind: 'string' },
  { name: 'product_description', kind: 'string' },
  { name: 'product_category', kind: 'string' },
  { name: 'product_price', kind: 'double' },
  { name: 'vector', kind: 'floats' },
  { name: 'model', kind: 'string' },
  { name: 'model_revision', kind: 'string' },
  { name: 'runner_session', kind: 'string' },
  { name: 'runner_name', kind: 'string' },
  { name: 'device', kind: 'string' },
  { name: 'dtype', kind: 'string' },
  { name: 'embedded_at', kind: 'time' },
  { name: 'checked_at', kind: 'time' },
  { name: 'events', kind: 'int32' },
  { name: 'events_by_type', kind: 'json' },
];

const plainTypes = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  double: { type: 'DOUBLE' },
  int32: { type: 'INT32' },
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
  json: { type: 'BYTE_ARRAY', converted_type: 'JSON' },
} as const;

/** A list of float32 has three levels, as the format asks for. */
function schemaOf({ name, kind }: Column): SchemaElement[] {
  if (kind !== 'floats') return [{ name, repetition_type: 'OPTIONAL', ...plainTypes[kind] }];
  return [
    { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'REQUIRED', type: 'FLOAT' },
  ];
}

function dataOf({ name, kind }: Column, rows: readonly ExportRow[]): ColumnSource {
  const data = rows.map((row) => {
    const value = row[name];
    return kind === 'time' && typeof value === 'string' ? new Date(value) : value;
  });
  // Neither a dictionary nor compression makes the components of vectors smaller.
  return kind === 'floats'
    ? { name, data, encoding: 'PLAIN', codec: 'UNCOMPRESSED', statistics: false }
    : { name, data };
}
