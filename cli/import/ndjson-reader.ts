// Reads lines of NDJSON into the same rows as those of a CSV, so that one mapping language fits
// both.

import { parseExactly } from '#core/event/exact-json.ts';
import { memberText } from '#core/mapping/member-text.ts';
import type { BrokenLine, CsvRow, TextLine } from './csv-records.ts';

export type RowReader = {
  push(line: TextLine): Iterable<CsvRow | BrokenLine>;
  end(): Iterable<CsvRow | BrokenLine>;
};

/** Rows with the named members, each as `memberText` reads it. */
export function memberReader(columns: readonly string[]): RowReader {
  const members = columns.map(memberText);
  return lineReader((line) => {
    let value: unknown;
    try {
      value = parseExactly(line.text);
    } catch {
      return broken(line, 'not JSON');
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return broken(line, 'not a JSON object');
    return { line: line.number, lines: 1, fields: members.map((of) => of(value)) };
  });
}

/** Rows with one field: the whole line. */
export function wholeLineReader(): RowReader {
  return lineReader((line) => ({ line: line.number, lines: 1, fields: [line.text] }));
}

function lineReader(read: (line: TextLine) => CsvRow | BrokenLine): RowReader {
  return {
    *push(line) {
      if (line.problem !== null) yield broken(line, line.problem);
      else if (line.text.trim() === '') yield { line: line.number, lines: 1, fields: [''] };
      else yield read(line);
    },
    end: () => [],
  };
}

function broken(line: TextLine, reason: string): BrokenLine {
  return { line: line.number, lines: 1, broken: reason, sample: line.text };
}
