// The shapes in which shops and spreadsheets really export: currencies, lines above the header,
// weekdays, archives, several files.

import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { dateReader, detectDateFormat } from '#core/mapping/dates.ts';
import { readNumber } from '#core/mapping/numbers.ts';
import { linesOfArray } from '../../cli/import/lines-of-array.ts';
import { hashLog, sampleLog } from '../../cli/import/open-file.ts';
import { sniff, type DialectOptions } from '../../cli/import/sniff.ts';
import { recordsOfFile } from '../../cli/map/sample-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const detected: DialectOptions = { encoding: null, delimiter: null, quote: null, skipLines: null };
const never = new AbortController().signal;
const header = 'Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country';
const row = (id: string) =>
  `${id},85048,GLASS BALL,12,2009-12-01 07:45:00,6.95,13085,United Kingdom`;

test.each([
  ['₹ 12,34,567.50', 1_234_567.5],
  ['12,34,567', 1_234_567],
  ['Rs. 1,200', 1200],
  ['EUR 12.50', 12.5],
  ['12.50 USD', 12.5],
  ['-$4.20', -4.2],
  ['US$9', 9],
  ['99 kr.', 99],
  ['12 zł', 12],
  ['₺5', 5],
  ['1 234.5 CHF', 1234.5],
  ['12 apples', null],
  ['1,23,4', null],
  ['USD', null],
])('%s is %s', (text, value) => {
  expect(readNumber(text, 'point')).toBe(value);
});

test('a comma stays the decimal sign beside a currency', () => {
  expect(readNumber('1.299,90 €', 'comma')).toBe(1299.9);
  expect(readNumber('kr 99,50', 'comma')).toBe(99.5);
});

test.each([
  'Wed, 02 Dec 2009 07:45:00 GMT',
  'Wednesday 2 December 2009 07:45',
  'Wed Dec 02 07:45:00 2009',
  'Wednesday, December 2, 2009 07:45',
])('the date "%s" is read with its weekday', (text) => {
  const found = detectDateFormat([text, text], { decimalComma: false, column: 'when' });
  expect(dateReader(found?.format ?? '', 'UTC')(text)).toBe(Date.UTC(2009, 11, 2, 7, 45));
});

test('the date that does not fit is blamed, not the first one', () => {
  const dates = ['2024-03-01', '2024-03-02', '0000-00-00', '0000-00-00'];
  expect(() => detectDateFormat(dates, { decimalComma: false, column: '{when}' })).toThrow(
    'dates in column {when} such as "0000-00-00" fit no known format; 2 of 4 fit ' +
      "yyyy-MM-dd[THH:mm[:ss[.f]][Z]]; give --date-format, for example 'yyyy-MM-dd",
  );
});

const found = (text: string, given = detected) => sniff(Buffer.from(text), given);

describe('the header', () => {
  test('is found below sep=, titles and blank lines', () => {
    expect(found('sep=;\na;b\n1;2\n')).toMatchObject({ delimiter: ';', skipLines: 1 });
    expect(found('sep=;\nReport;\na;b;c\n1;2;3\n4;5;6\n')).toMatchObject({ skipLines: 2 });
    expect(found('Sales report\nMarch, all shops\n\na,b,c\n1,2,3\n4,5,6\n')).toMatchObject({
      delimiter: ',',
      skipLines: 3,
    });
    expect(found('a,b\n1,2\n')).toMatchObject({ skipLines: 0 });
    expect(found('a,b\n1,2\n3\n')).toMatchObject({ skipLines: 0 });
  });

  test('is where --skip-lines says', () => {
    const given = { ...detected, skipLines: 2 };
    expect(found('x,y\nz,w\na,b\n1,2\n', given)).toMatchObject({ skipLines: 2 });
  });

  test('may be divided by \\x01, as Hive writes', () => {
    expect(found('a\u0001b\u0001c\n1\u00012\u00013\n')).toMatchObject({ delimiter: '\u0001' });
  });

  test('in an unknown encoding leads to --encoding', () => {
    const cyrillic = Buffer.from('Àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ\n'.repeat(9), 'latin1');
    expect(() => sniff(cyrillic, detected)).toThrow('name it with --encoding');
  });
});

/** A zip with these files, deflated. */
function zipped(files: Readonly<Record<string, string>>): Buffer {
  const [locals, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const packed = deflateRawSync(text);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(8, 4);
    fields.writeUInt32LE(crc32(text), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(Buffer.byteLength(text), 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), fields, Buffer.from(name), packed]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0000'), fields, place, Buffer.from(name)]),
    );
    locals.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    8,
  );
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, ...directory, Buffer.from('PK\u0005\u0006'), end]);
}

const hashOf = async (bytes: Buffer): Promise<string> => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'log');
  await writeFile(path, bytes);
  return await hashLog(path, never, () => undefined);
};

describe('an archive', () => {
  const text = `${header}\n${row('1')}\n`;

  test('of gzip, zstd or zip is the same log as its content', async () => {
    const plain = await hashOf(Buffer.from(text));
    expect(await hashOf(gzipSync(text))).toBe(plain);
    expect(await hashOf(zstdCompressSync(text))).toBe(plain);
    expect(await hashOf(zipped({ 'log.csv': text }))).toBe(plain);
    expect(await hashOf(zipped({ 'log.csv': text, '__MACOSX/log.csv': 'x' }))).toBe(plain);
  });

  for (const program of ['bzip2', 'xz']) {
    const { stdout, error } = spawnSync(program, ['-c'], { input: text });
    test.skipIf(error !== undefined)(
      `of ${program} is unpacked by the program of this machine` +
        (error === undefined ? '' : `: skipped, there is no ${program} here`),
      async () => {
        expect(await hashOf(stdout)).toBe(await hashOf(Buffer.from(text)));
        await expect(hashOf(stdout.subarray(0, 40))).rejects.toThrow(`${program} cannot unpack it`);
      },
    );
  }

  test('with several files, or cut off, is refused with what to do', async () => {
    await expect(hashOf(zipped({ 'a.csv': text, 'b.csv': text }))).rejects.toThrow(
      'is a zip with 2 files; unpack it and name those to import',
    );
    await expect(hashOf(zstdCompressSync(text).subarray(0, 40))).rejects.toThrow('packed data');
  });
});

test('a pattern imports each file that fits it, by the mapping for its header', async () => {
  await using folder = await temporaryFolder();
  for (const day of ['1', '2'])
    await writeFile(join(folder.path, `day-${day}.csv`), `Report\n\n${header}\n${row(day)}\n`);
  const run = (name: string) =>
    promisify(execFile)(
      process.execPath,
      [join(import.meta.dirname, '../../cli/import/import.ts'), name, '--dry-run'],
      { cwd: folder.path },
    );
  const { stdout } = await run('day-*.csv');
  expect(stdout.match(/^day-\d\.csv$/gm)).toEqual(['day-1.csv', 'day-2.csv']);
  expect(stdout.match(/online-retail-ii/g)).toHaveLength(2);
  expect(stdout.match(/header in line 3/g)).toHaveLength(2);
  expect(stdout).toContain('1 fit to import');
  await expect(run('night-*.csv')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no file fits this pattern'),
  });
});

test('a Parquet file is read as its CSV: quotes, times, 64-bit numbers and gaps', async () => {
  const path = join(import.meta.dirname, '../fixtures/online-retail-ii.parquet');
  const lines = (await sampleLog(path, 1e6)).toString().trim().split('\n');
  expect(lines).toEqual([
    `"${header.replaceAll(',', '","')}"`,
    '"1","85048","GLASS BALL, ""RED""","12","2009-12-01T07:45:00.000Z","6.95",' +
      '"9007199254740993","United Kingdom"',
    '"2","21232","TRINKET BOX","6","2009-12-01T07:46:00.000Z","1.25","","France"',
  ]);
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, '../../cli/import/import.ts'),
    path,
    '--dry-run',
  ]);
  expect(stdout).toContain('online-retail-ii');
  expect(stdout).toContain('2 fit to import');
});

const runCommand = (file: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../cli', file), ...args]);

const linesIn = async (text: string, chunkBytes: number): Promise<string[]> => {
  const bytes = Buffer.from(text);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes)
      yield Buffer.from(bytes.subarray(at, at + chunkBytes));
  }
  const read: Buffer[] = [];
  for await (const chunk of linesOfArray(chunks())) read.push(chunk);
  return Buffer.concat(read).toString().split('\n');
};

describe('a JSON array', () => {
  const items = [{ name: 'a, [b] "c\\"' }, { list: [{ x: '}' }, {}] }, { end: 'é\\' }];

  test.each([undefined, 2])('has a line for each item, indented by %s', async (indent) => {
    for (const chunkBytes of [5, 7, 1_000]) {
      const lines = await linesIn(JSON.stringify(items, null, indent), chunkBytes);
      expect(lines.map((line): unknown => JSON.parse(line))).toEqual(items);
    }
  });

  test('is not what a CSV with a bracket in front is', async () => {
    expect(await linesIn('[id],[name]\n1,2', 100)).toEqual(['[id],[name]', '1,2']);
  });

  test('is imported and mapped like the same lines', async () => {
    await using folder = await temporaryFolder();
    const event = { sku: 'A1', title: 'Lamp', date: '2026-01-02', order_no: '7', units: 1 };
    const events = Array.from({ length: 3 }, (_, n) => ({ ...event, order_no: `${n}` }));
    const at = (name: string): string => join(folder.path, name);
    await writeFile(at('log.json'), JSON.stringify(events, null, 1));
    await runCommand('map/map-command.ts', at('log.json'), '--draft', at('log.yaml'));
    const flags = ['--mapping', at('log.yaml'), '--dry-run'];
    const { stdout } = await runCommand('import/import.ts', at('log.json'), ...flags);
    expect(stdout).toContain('3 fit to import + 0 turned away');
  });
});

test('a draft reads a table in UTF-16 as an import does', async () => {
  await using folder = await temporaryFolder();
  const table = join(folder.path, 'table.csv');
  await writeFile(
    table,
    `\ufeffsep=;\nReport;\nsku;title;price\n${'A1;Grüße;1,50\n'.repeat(3)}`,
    'utf16le',
  );
  const [record] = await recordsOfFile(table, 10);
  expect(JSON.parse(Buffer.from(record?.value ?? []).toString())).toEqual({
    sku: 'A1',
    title: 'Grüße',
    price: '1,50',
  });
});
