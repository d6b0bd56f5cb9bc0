// How a log is read: lines, records, dialect, dates and numbers, for real logs and for hostile
// ones.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '#core/errors/errors.ts';
import { dateReader, detectDateFormat } from '#core/mapping/dates.ts';
import { detectDecimal, readNumber } from '#core/mapping/numbers.ts';
import { type BrokenLine, CsvReader, type CsvRow } from '../../cli/import/csv-records.ts';
import { lineDecoder } from '../../cli/import/decode.ts';
import { LineSplitter, lineBytesMax } from '../../cli/import/lines.ts';
import { sniff } from '../../cli/import/sniff.ts';

const noWish = { encoding: null, delimiter: null, quote: null, skipLines: null };

const split = (chunks: readonly Buffer[], newline = 10): string[] => {
  const splitter = new LineSplitter(newline);
  return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()].map(
    ({ bytes }) => bytes.toString(),
  );
};

const csvRows = (lines: readonly string[]): (CsvRow | BrokenLine)[] => {
  const reader = new CsvReader({ delimiter: ';', quote: '"' });
  return [
    ...lines.flatMap((text, index) => [...reader.push({ number: index + 1, text, problem: null })]),
    ...reader.end(),
  ];
};

const read = (lines: readonly string[]): (readonly string[] | string)[] =>
  csvRows(lines).map((row) => ('fields' in row ? row.fields : row.broken));

/** The number of every line that some row accounts for. */
const linesOf = (lines: readonly string[]): number[] =>
  csvRows(lines).flatMap(({ line, lines: count }) =>
    Array.from({ length: count }, (_, index) => line + index),
  );

const at = (text: string, format: string, zone = 'UTC'): string | null => {
  const time = dateReader(format, zone)(text);
  return time === null ? null : new Date(time).toISOString();
};

const detect = (sample: string[], decimalComma = false) =>
  detectDateFormat(sample, { decimalComma, column: '{date}' })?.format ?? null;

/** Anything but a refusal in words is thrown on. */
function kindOf(sample: Buffer): string {
  try {
    return sniff(sample, noWish).kind;
  } catch (error) {
    if (error instanceof UsageError) return 'refused';
    throw error;
  }
}

describe('lines', () => {
  it('are the same however the bytes are chunked', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'é', ';') }),
        fc.array(fc.nat(20)),
        (text, cuts) => {
          const bytes = Buffer.from(text);
          const chunks: Buffer[] = [];
          let start = 0;
          for (const cut of cuts) {
            chunks.push(bytes.subarray(start, start + cut));
            start += cut;
          }
          expect(split([...chunks, bytes.subarray(start)])).toEqual(split([bytes]));
        },
      ),
    );
  });

  it('end at LF, CRLF, or CR when told so', () => {
    expect(split([Buffer.from('a\r\nb\nc')])).toEqual(['a', 'b', 'c']);
    expect(split([Buffer.from('a\rb\r')], 13)).toEqual(['a', 'b']);
  });

  it('longer than the bound keep their number but not their bytes', () => {
    const splitter = new LineSplitter(10);
    const piece = Buffer.alloc(1024 * 1024, 97);
    const lines = [
      ...Array.from({ length: 6 }, () => [...splitter.push(piece)]).flat(),
      ...splitter.push(Buffer.from('\nnext\n')),
    ];
    expect(6 * piece.length).toBeGreaterThan(lineBytesMax);
    expect(lines.map(({ number, tooLong, bytes }) => [number, tooLong, bytes.length])).toEqual([
      [1, true, 1024],
      [2, false, 4],
    ]);
  });
});

describe('CSV records', () => {
  it('keep quotes inside an unquoted field, as inch marks in real logs', () => {
    expect(read(['a;b', '1;FRAME 7" SINGLE', '2;THE "BEST" ONE'])).toEqual([
      ['a', 'b'],
      ['1', 'FRAME 7" SINGLE'],
      ['2', 'THE "BEST" ONE'],
    ]);
  });

  it('may hold delimiters, doubled quotes and line ends inside quotes', () => {
    expect(read(['a;b', '1;"x; ""y"""', '2;"two', 'lines"', '3;z'])).toEqual([
      ['a', 'b'],
      ['1', 'x; "y"'],
      ['2', 'two\nlines'],
      ['3', 'z'],
    ]);
  });

  it('a quote that is never closed costs its line, and the next line is read', () => {
    const rows = read(['a;b', '1;"open', '2;fine', '3;"also";', '4;fine']);
    expect(rows).toEqual([
      ['a', 'b'],
      'a quote is opened and never closed',
      ['2', 'fine'],
      ['3', 'also', ''],
      ['4', 'fine'],
    ]);
    expect(
      read([
        'a;b',
        '1;"open',
        ...Array.from({ length: 300 }, (_, index) => `${index};fine`),
      ]).filter((row) => typeof row === 'string'),
    ).toHaveLength(1);
  });

  it('are joined over line ends only when that makes a proper record of the header’s width', () => {
    expect(read(['a;b;c', '1;"x;y', '2;x;y', '3;"z";y', '4;x;"y"'])).toEqual([
      ['a', 'b', 'c'],
      'a quote is opened and never closed',
      ['2', 'x', 'y'],
      ['3', 'z', 'y'],
      ['4', 'x', 'y'],
    ]);
    expect(read(['a;b;c', '1;"x', '2;x;y', '3;"'])).toEqual([
      ['a', 'b', 'c'],
      'a quote is opened and not closed properly',
      ['2', 'x', 'y'],
      'a quote is opened and never closed',
    ]);
  });

  it('account for every line once, whatever the lines hold', () => {
    const line = fc.string({ unit: fc.constantFrom('"', ';', 'a', ' ', '\\', "'"), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        expect(linesOf(lines)).toEqual(lines.map((_, index) => index + 1));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the dialect', () => {
  it.each([
    [',', 'a,b,c\n1,2,3\n'],
    [';', 'a;b;c\n1,5;2,5;x, y\n'],
    ['\t', 'a\tb, c\n1\t2\n'],
    ['|', 'a|b;c|d\n1|2|3\n'],
  ])('%j is found as delimiter', (delimiter, text) => {
    expect(sniff(Buffer.from(text), noWish)).toMatchObject({ kind: 'csv', delimiter, quote: '"' });
  });

  it('finds UTF-16 with and without a byte-order mark', () => {
    const text = 'id;name\n1;Lämpchen\n';
    expect(sniff(Buffer.from(`\uFEFF${text}`, 'utf16le'), noWish)).toMatchObject({
      encoding: 'utf-16le',
      delimiter: ';',
    });
    expect(sniff(Buffer.from(text, 'utf16le').swap16(), noWish)).toMatchObject({
      encoding: 'utf-16be',
      delimiter: ';',
    });
  });

  it('finds single quotes, old Mac line ends and NDJSON', () => {
    expect(sniff(Buffer.from("a,b\n'1','x'\n'2','y'\n'3','z'\n"), noWish).quote).toBe("'");
    expect(sniff(Buffer.from('a;b\r1;2\r'), noWish)).toMatchObject({ newline: 13, delimiter: ';' });
    expect(sniff(Buffer.from('{"a":1}\n'), noWish).kind).toBe('ndjson');
  });

  it.each([
    ['\0\x01\x02\x03\x04\x05', 'not a text file'],
    ['  \n \n', 'only blanks'],
    ['[{"a":1}]', 'JSON array'],
  ])('%j is refused by name', (text, word) => {
    expect(() => sniff(Buffer.from(text, 'latin1'), noWish)).toThrow(new RegExp(word));
  });

  it('is found or refused for any bytes, never by a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(['csv', 'ndjson', 'refused']).toContain(kindOf(Buffer.from(bytes)));
      }),
      { numRuns: 500 },
    );
  });

  it('a detected UTF-8 file is mended line by line; U+FFFD itself is left alone', () => {
    const decode = lineDecoder('utf-8', true);
    expect(decode(Buffer.from('Café £5'))).toBe('Café £5');
    expect(decode(Buffer.from('Caf\xe9 \xa35', 'latin1'))).toBe('Café £5');
    expect(decode(Buffer.from('a\uFFFDb'))).toBe('a\uFFFDb');
  });
});

describe('dates', () => {
  it.each([
    ['2019-10-01 00:00:00 UTC', 'yyyy-M-d[ H:mm:ss[ ][Z]]', '2019-10-01T00:00:00.000Z'],
    ['1/12/2010 08:26', 'd/M/yyyy H:mm', '2010-12-01T08:26:00.000Z'],
    ['12/1/10 8:26 pm', 'M/d/yy h:mm a', '2010-12-01T20:26:00.000Z'],
    ['05 Mar 2021 12:00:00.250 +02:00', 'd MMM yyyy H:mm:ss.f Z', '2021-03-05T10:00:00.250Z'],
    ['10/Oct/2021:13:55:36 -0700', 'dd/MMM/yyyy:HH:mm:ss Z', '2021-10-10T20:55:36.000Z'],
    ['1570000000', 'unix-s', '2019-10-02T07:06:40.000Z'],
    ['1570000000.9996', 'unix-s', '2019-10-02T07:06:40.999Z'],
    ['1570000000123.0', 'unix-ms', '2019-10-02T07:06:40.123Z'],
    ['1570000000123999', 'unix-us', '2019-10-02T07:06:40.123Z'],
    ['1570000000123999999', 'unix-ns', '2019-10-02T07:06:40.123Z'],
  ])('%s is read as %s', (text, format, expected) => expect(at(text, format)).toBe(expected));

  it('that do not exist are no dates', () => {
    expect(at('31/11/2010', 'd/M/yyyy')).toBeNull();
    expect(at('1/1/2010 24:00', 'd/M/yyyy H:mm')).toBeNull();
    expect(at('1/1/2010 13:00 pm', 'd/M/yyyy h:mm a')).toBeNull();
  });

  it('follow a zone through summer time', () => {
    expect(at('2021-03-28 00:30', 'yyyy-M-d H:mm', 'Europe/Berlin')).toBe(
      '2021-03-27T23:30:00.000Z',
    );
    expect(at('2021-03-28 03:30', 'yyyy-M-d H:mm', 'Europe/Berlin')).toBe(
      '2021-03-28T01:30:00.000Z',
    );
    expect(at('2021-07-01 12:00', 'yyyy-M-d H:mm', '-05:30')).toBe('2021-07-01T17:30:00.000Z');
    expect(() => dateReader('yyyy-M-d', 'Mars/Olympus')).toThrow(/Mars\/Olympus/);
  });

  it('day and month differ by a value over 12, closeness, decimal comma, or not at all', () => {
    expect(detect(['1/12/2010', '13/12/2010'])).toMatch(/^d\/M/);
    expect(detect(['12/13/2010 8:26', '12/1/2010 8:26'])).toMatch(/^M\/d/);
    expect(detect(['1/12/2010 08:26', '5/12/2010 10:00'])).toMatch(/^d\/M/);
    expect(detect(['12/1/2010 08:26', '12/5/2010 10:00'])).toMatch(/^M\/d/);
    expect(detect(['1/12/2010 08:26'], true)).toMatch(/^d\/M/);
    expect(detect(['1/12/2010 08:26'])).toBeNull();
    expect(detect(['1/1/2010 08:26'])).toMatch(/^d\/M/);
  });

  it('of no known format, and formats that mean nothing, are refused with what to do', () => {
    expect(() => detect(['yesterday', 'today'])).toThrow(/--date-format/);
    expect(() => dateReader('d/M', 'UTC')).toThrow(/year/);
    expect(() => dateReader('yyyy-MM-dd [HH', 'UTC')).toThrow(/brackets/);
    expect(() => dateReader('yyyy-MM-dd QQ', 'UTC')).toThrow(/"Q"/);
  });

  it('come back as they were written, in every known order', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2000-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }),
        (date) => {
          const iso = date.toISOString();
          expect(at(iso, 'yyyy-MM-dd[THH:mm[:ss[.f]][Z]]')).toBe(iso);
          const [day, month, year] = [
            date.getUTCDate(),
            date.getUTCMonth() + 1,
            date.getUTCFullYear(),
          ];
          expect(at(`${day}.${month}.${year}`, 'd.M.yyyy')).toBe(
            at(`${month}/${day}/${year}`, 'M/d/yyyy'),
          );
        },
      ),
    );
  });
});

describe('numbers', () => {
  it.each([
    ['2.55', 'point', 2.55],
    ['2,55', 'comma', 2.55],
    ['1,234.5', 'point', 1234.5],
    ['1.234,5', 'comma', 1234.5],
    ['€ 1 234,50', 'comma', 1234.5],
    ['-3', 'point', -3],
    ['$5', 'point', 5],
    ['1e3', 'point', 1000],
    ['2,55', 'point', null],
    ['1,23,4', 'point', null],
    ['', 'point', null],
    ['Infinity', 'point', null],
    ['0x10', 'point', null],
    ['1e999', 'point', null],
  ] as const)('%j with a decimal %s is %s', (text, decimal, value) =>
    expect(readNumber(text, decimal)).toBe(value),
  );

  it('the decimal sign is found out', () => {
    expect(detectDecimal(['1', '2,55', '1.000'])).toBe('comma');
    expect(detectDecimal(['1', '2.55', '1,000'])).toBe('point');
    expect(detectDecimal([])).toBe('point');
  });
});

describe('dates that no log has', () => {
  it('are read as written, or not at all', () => {
    expect(at('0050-01-01', 'yyyy-MM-dd')).toBe('0050-01-01T00:00:00.000Z');
    expect(at('2010-12-01T08:26+14:59', 'yyyy-MM-ddTHH:mmZ')).toBe('2010-11-30T17:27:00.000Z');
    expect(at('2010-12-01T08:26+15:00', 'yyyy-MM-ddTHH:mmZ')).toBeNull();
  });

  it('a format that names a part twice is refused in words', () => {
    expect(() => dateReader('d.M.yyyy yyyy', 'UTC')).toThrow(
      new UsageError('date format "d.M.yyyy yyyy": has a year twice'),
    );
  });
});
