// Reads the first records of a file, as a topic would have them: JSON, an array of it, NDJSON, or
// the rows of a CSV.

import { splitArray, splitLines } from '#core/decode/split-records.ts';
import { UsageError } from '#core/errors/errors.ts';
import { CsvReader } from '../import/csv-records.ts';
import { firstRows } from '../import/first-rows.ts';
import { sampleBytesMax, sampleLog } from '../import/open-file.ts';
import { sniff } from '../import/sniff.ts';
import type { SampleRecord } from './mapping-report.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const detected = { skipLines: null, encoding: null, delimiter: null, quote: null } as const;

/** @throws UsageError for a file that cannot be read, or has no record */
export async function recordsOfFile(path: string, limit: number): Promise<SampleRecord[]> {
  const sample = await sampleLog(path, sampleBytesMax);
  const values = valuesOf(sample, limit);
  if (values.length === 0) throw new UsageError(`${path}: has no record`);
  return values.map((value, offset) => ({
    key: null,
    value,
    headers: {},
    timestamp: Date.now(),
    position: { topic: path, partition: 0, offset },
  }));
}

function valuesOf(sample: Buffer, limit: number): readonly Uint8Array[] {
  const text = sample.toString('utf8').trimStart();
  if (text.startsWith('[')) return splitArray(sample, limit) ?? [sample];
  if (!text.startsWith('{')) return rowsOf(sample, limit);
  if (isJson(text)) return [sample];
  const lines = splitLines(sample, 2 * limit + 1);
  // The sample may end inside a line.
  const whole = sample.length < sampleBytesMax ? lines : lines.slice(0, -1);
  return whole.filter((line) => !bulkAction.test(decoder.decode(line))).slice(0, limit);
}

/** OpenSearch's bulk form has such a line before each document. */
const bulkAction = /^\{"(index|create)": ?\{[^{}]*\}\}$/;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Each row as an object, by the names of the header. */
function rowsOf(sample: Buffer, limit: number): readonly Uint8Array[] {
  const dialect = sniff(sample, detected);
  const [header, ...rows] = firstRows(sample, dialect, new CsvReader(dialect));
  const names = header?.fields.map((name) => name.trim()) ?? [];
  return rows
    .filter(({ fields }) => fields.length === names.length)
    .slice(0, limit)
    .map(({ fields }) =>
      encoder.encode(
        JSON.stringify(Object.fromEntries(names.map((name, index) => [name, fields[index]]))),
      ),
    );
}
