// Detects from the first bytes how a log is written: encoding, line ends, delimiter, quote. It
// throws only for a file that cannot be a log, and says in one line what the file is.

import { UsageError } from '#core/errors/errors.ts';
import { CsvReader } from './csv-records.ts';

/** The last is what Hive writes between columns. */
const delimiters = [',', ';', '\t', '|', '\u0001'] as const;
/** Every line is split once per candidate, and more lines hardly change the result. */
const delimiterLinesMax = 200;

export type Dialect = {
  readonly kind: 'csv' | 'ndjson';
  /** A WHATWG name. */
  readonly encoding: string;
  /** False when the user gave it. */
  readonly encodingDetected: boolean;
  /** 10 or 13. */
  readonly newline: number;
  readonly delimiter: string;
  readonly quote: string | null;
  /** Lines above the header that are no records. */
  readonly skipLines: number;
};

export type DialectOptions = {
  /** `null`: detected. */
  readonly skipLines: number | null;
  readonly encoding: string | null;
  readonly delimiter: string | null;
  readonly quote: string | null;
};

/**
 * `sample` has the unpacked bytes at the start of the file.
 *
 * @throws UsageError for a file that cannot be a log
 */
export function sniff(sample: Buffer, given: DialectOptions): Dialect {
  const encoding = given.encoding ?? encodingOf(sample);
  const text = new TextDecoder(encoding).decode(sample);
  refuseOtherThings(text);
  const newline = text.includes('\n') || !text.includes('\r') ? 10 : 13;
  const lines = text.split(newline === 10 ? /\r?\n/ : '\r').filter((line) => line.trim() !== '');
  // The sample may end inside a line.
  const whole = lines.length > 1 && !/[\r\n]$/.test(text) ? lines.slice(0, -1) : lines;
  const kind =
    given.delimiter === null && whole[0]?.trimStart().startsWith('{') === true ? 'ndjson' : 'csv';
  const quote = given.quote === null ? quoteOf(whole) : given.quote === 'none' ? null : given.quote;
  const named = /^"?sep=(.)"?$/i.exec(whole[0] ?? '')?.[1];
  const sampled = whole.slice(0, delimiterLinesMax);
  const delimiter = given.delimiter ?? named ?? delimiterOf(sampled, quote);
  const above = Math.max(named ? 1 : 0, linesAbove(text, newline, delimiter, quote));
  const skipLines = kind === 'ndjson' ? 0 : (given.skipLines ?? above);
  const encodingDetected = given.encoding === null;
  return { kind, encoding, encodingDetected, newline, delimiter, quote, skipLines };
}

/**
 * Detects the encoding by the byte-order mark, then by the places of zero bytes; otherwise UTF-8.
 * The line decoder handles lines that are not UTF-8.
 */
function encodingOf(sample: Buffer): string {
  if (sample[0] === 0xff && sample[1] === 0xfe) return 'utf-16le';
  if (sample[0] === 0xfe && sample[1] === 0xff) return 'utf-16be';
  const zeros = [0, 0];
  const length = Math.min(sample.length, 4096);
  for (let at = 0; at < length; at += 1)
    if (sample[at] === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  if (odd > length * 0.3 && even < length * 0.05) return 'utf-16le';
  if (even > length * 0.3 && odd < length * 0.05) return 'utf-16be';
  return 'utf-8';
}

function refuseOtherThings(text: string): void {
  let strange = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if ((code < 32 && ![1, 9, 10, 13].includes(code)) || code === 0xfffd) strange += 1;
  }
  if (strange > text.length * 0.1)
    throw new UsageError(
      'is not a text file: more than a tenth of its beginning is not text; if it is text in ' +
        'another encoding, name it with --encoding, for example windows-1251',
    );
  if (text.trim() === '') throw new UsageError('has only blanks');
  if (/^\s*\[/.test(text) && /^\s*\[\s*[{\]]/.test(text)) {
    throw new UsageError(
      'is one JSON array; write one object per line (jq -c ".[]" FILE > FILE.ndjson)',
    );
  }
}

/** The single quote only when most lines have fields in it, else the double quote. */
function quoteOf(lines: readonly string[]): string {
  const wrapped = (quote: string): number =>
    lines.filter((line) =>
      new RegExp(`(^|[,;\t|])${quote}[^${quote}]*${quote}([,;\t|]|$)`).test(line),
    ).length;
  const single = wrapped("'");
  return single > lines.length / 2 && single > wrapped('"') ? "'" : '"';
}

/** A title, a blank line, a date: an export rarely writes more above its header. */
const preambleLinesMax = 20;

/**
 * The number of lines above the header. The header is the first line that has as many columns as
 * most lines; it counts only if each line above has fewer.
 */
function linesAbove(
  text: string,
  newline: number,
  delimiter: string,
  quote: string | null,
): number {
  const lines = text.split(newline === 10 ? /\r?\n/ : '\r').slice(0, delimiterLinesMax);
  const widths = lines.map((line) => widthsOf([line], delimiter, quote)[0] ?? 1);
  const usual = mostFrequent(widths.filter((_, index) => lines[index]?.trim() !== ''));
  const header = widths.findIndex((width) => width === usual);
  const isPreamble = widths.slice(0, header).every((width) => width < usual);
  return usual > 1 && header <= preambleLinesMax && isPreamble ? header : 0;
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [[best] = [1]] = [...counts].toSorted(([, a], [, b]) => b - a);
  return best;
}

/**
 * The delimiter that splits most lines into as many columns as most lines have; of two, the one
 * with more columns.
 */
function delimiterOf(lines: readonly string[], quote: string | null): string {
  let best = { delimiter: ',', score: 0 };
  for (const delimiter of delimiters) {
    const widths = widthsOf(lines, delimiter, quote);
    const usual = mostFrequent(widths);
    if (usual < 2) continue;
    const share = widths.filter((width) => width === usual).length / widths.length;
    const score = share * 100 + Math.min(usual, 50) / 100;
    if (score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
}

function widthsOf(lines: readonly string[], delimiter: string, quote: string | null): number[] {
  const reader = new CsvReader({ delimiter, quote });
  const widths: number[] = [];
  for (const [index, text] of lines.entries()) {
    for (const row of reader.push({ number: index + 1, text, problem: null }))
      if ('fields' in row) widths.push(row.fields.length);
  }
  return widths;
}
