// Reads CSV records from lines. A line with broken quotes costs only that line; the next one is
// read normally.

import { CsvError, parse } from 'csv-parse/sync';

/**
 * A record may continue over line ends inside quotes. Beyond these bounds, its first line counts as
 * broken.
 */
const recordLinesMax = 100;
const recordCharactersMax = 256 * 1024;

export type CsvRow = {
  readonly line: number;
  readonly lines: number;
  readonly fields: readonly string[];
};
export type BrokenLine = {
  readonly line: number;
  readonly lines: 1;
  readonly broken: string;
  readonly sample: string;
};
export type TextLine = {
  readonly number: number;
  readonly text: string;
  /** Why this line cannot be read at all, when it cannot. */
  readonly problem: string | null;
};
export type CsvDialect = {
  readonly delimiter: string;
  /** `null`: quotes have no meaning. */ readonly quote: string | null;
};

/** Push one line after another; the results account for every line, in order. */
export class CsvReader {
  readonly #dialect: CsvDialect;
  /** Lines of a record with an open quote. */
  #open: TextLine[] = [];
  #openCharacters = 0;
  #openQuotes = 0;
  #columns = 0;

  constructor(dialect: CsvDialect) {
    this.#dialect = dialect;
  }

  *push(line: TextLine): Generator<CsvRow | BrokenLine> {
    // The other lines of a broken record are read again, one by one, from a stack.
    const again = [line];
    for (let next = again.pop(); next !== undefined; next = again.pop()) {
      const result = this.#open.length === 0 ? this.#first(next) : this.#further(next);
      if (result === null) continue;
      if ('broken' in result) again.push(...this.#takeOpen().slice(1).toReversed());
      else this.#takeOpen();
      yield result;
    }
  }

  /** A record that is open at the end of the file is broken. */
  *end(): Generator<CsvRow | BrokenLine> {
    while (this.#open.length > 0) {
      const [first, ...rest] = this.#takeOpen();
      if (first) yield broken(first, 'a quote is opened and never closed');
      for (const line of rest) yield* this.push(line);
    }
  }

  #first(line: TextLine): CsvRow | BrokenLine | null {
    const { delimiter, quote } = this.#dialect;
    if (line.problem !== null) return broken(line, line.problem);
    // Most lines have no quotes: nothing in them needs interpreting.
    if (quote === null || !line.text.includes(quote))
      return this.#record(line, 1, line.text.split(delimiter));
    const fields = this.#parse(line.text, true);
    if (fields !== 'open')
      return fields === 'invalid'
        ? broken(line, 'the quotes do not fit')
        : this.#record(line, 1, fields);
    this.#keep(line);
    return null;
  }

  #further(line: TextLine): CsvRow | BrokenLine | null {
    this.#keep(line);
    const first = this.#open[0] ?? line;
    if (line.problem !== null) return broken(first, 'a quote is opened and not closed properly');
    if (this.#open.length > recordLinesMax || this.#openCharacters > recordCharactersMax) {
      return broken(first, `a quote is opened and not closed within ${recordLinesMax} lines`);
    }
    // An odd number of quotes cannot close. Without this check, a long record is parsed again for
    // each of its lines.
    if (!line.text.includes(this.#dialect.quote ?? '"') || this.#openQuotes % 2 === 1) return null;
    // Strict, and with the usual number of columns: two broken lines must not pass as one record
    // that contains everything between them.
    const fields = this.#parse(this.#open.map(({ text }) => text).join('\n'), false);
    if (fields === 'open') return null;
    if (fields === 'invalid' || fields.length !== this.#columns)
      return broken(first, 'a quote is opened and not closed properly');
    return this.#record(first, this.#open.length, fields);
  }

  #record(line: TextLine, lines: number, fields: readonly string[]): CsvRow {
    if (this.#columns === 0) this.#columns = fields.length;
    return { line: line.number, lines, fields };
  }

  #keep(line: TextLine): void {
    this.#open.push(line);
    this.#openCharacters += line.text.length;
    this.#openQuotes +=
      this.#dialect.quote === null ? 0 : line.text.split(this.#dialect.quote).length - 1;
  }

  #takeOpen(): TextLine[] {
    const lines = this.#open;
    this.#open = [];
    this.#openCharacters = 0;
    this.#openQuotes = 0;
    return lines;
  }

  #parse(text: string, relaxed: boolean): string[] | 'open' | 'invalid' {
    const { delimiter, quote } = this.#dialect;
    try {
      const records = parse(text, {
        delimiter,
        quote,
        escape: quote ?? false,
        relax_quotes: relaxed,
        relax_column_count: true,
        // Line ends are cut already. A separator that occurs in no text keeps the parser from
        // detecting its own.
        record_delimiter: '\u0000',
        max_record_size: 0,
      });
      return records.length === 1 && records[0] ? records[0] : 'invalid';
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      return error.code === 'CSV_QUOTE_NOT_CLOSED' ? 'open' : 'invalid';
    }
  }
}

function broken(line: TextLine, reason: string): BrokenLine {
  return { line: line.number, lines: 1, broken: reason, sample: line.text };
}
