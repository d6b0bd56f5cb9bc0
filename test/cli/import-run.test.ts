// An import from file to gateway: every line is accounted for, a second run adds nothing, and an
// interrupted run resumes.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '#core/errors/errors.ts';
import { systemClock } from '#core/time/clock.ts';
import { parseFlags } from '../../cli/flags.ts';
import { importCommand } from '../../cli/import/import-flags.ts';
import { runImport, type ImportTarget } from '../../cli/import/import-run.ts';
import type { Refusals } from '../../cli/import/ordered-sender.ts';

const fixtures = join(import.meta.dirname, '../fixtures/import');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectorstream-import-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Sent = { event_id: string; [key: string]: unknown };
type Run = { code: number; said: string; sent: Sent[]; report: ReportJson };
type ReportJson = {
  turned_away: { line: number; lines: number; reason: string; detail: string; sample: string }[];
  summary: {
    ended: string;
    sha256: string;
    lines: Record<string, number>;
    rows: Record<string, number>;
    turned_away: { reason: string; rows: number }[];
  };
};

let files = 0;
async function file(content: string | Buffer, name = 'log'): Promise<string> {
  const path = join(folder, `${name}-${(files += 1)}`);
  await writeFile(path, content);
  return path;
}

type Fake = {
  post?: (lines: readonly Uint8Array[], stop: () => void) => Promise<Refusals>;
  dataDir?: string;
};

/** Runs the command against a gateway that accepts everything, or does what `fake` says. */
async function run(path: string, args: readonly string[] = [], fake: Fake = {}): Promise<Run> {
  const sent: Sent[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const reportPath = join(folder, `report-${(files += 1)}.json`);
  const target: ImportTarget = {
    url: 'http://gateway.test',
    own: false,
    async post(lines) {
      const refusals = await (fake.post?.(lines, () => stop.abort()) ??
        Promise.resolve(new Map<number, string>()));
      for (const [index, line] of lines.entries())
        if (!refusals.has(index)) sent.push(JSON.parse(Buffer.from(line).toString()));
      return refusals;
    },
    searchable: () => Promise.resolve({ added: sent.length, deadLettered: 0 }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const parsed = parseFlags(importCommand, [path, '--report', reportPath, ...args]);
  if (typeof parsed === 'string') throw new Error('help was asked for');
  const code = await runImport(path, parsed.values, {
    clock: systemClock,
    signal: stop.signal,
    dataDir: fake.dataDir ?? join(folder, `data-${(files += 1)}`),
    connect: () => Promise.resolve(target),
    say: (text) => said.push(text),
    progress: () => {},
  });
  return {
    code,
    said: said.join('\n'),
    sent,
    report: JSON.parse(await readFile(reportPath, 'utf8')),
  };
}

/** Checks the account of a run that reached the end of the file. */
function expectWhole({ report }: Run): void {
  const { read, ...kinds } = report.summary.lines;
  expect(Object.values(kinds).reduce((sum, count) => sum + count, 0)).toBe(read);
  expect(kinds['not_sent']).toBe(0);
  expect(report.turned_away.reduce((sum, row) => sum + row.lines, 0)).toBe(kinds['turned_away']);
  expect(report.summary.turned_away.reduce((sum, { rows }) => sum + rows, 0)).toBe(
    report.turned_away.length,
  );
}

const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
const good = (id: number): string => `${id},${id},WOODEN TOY,1,13/12/2010 08:00,2.5,7,France`;

/** A header and one row. */
const oneRow = (separator: string): string =>
  [
    [
      'InvoiceNo',
      'StockCode',
      'Description',
      'Quantity',
      'InvoiceDate',
      'UnitPrice',
      'CustomerID',
      'Country',
    ],
    ['1', '11111', 'Café crème £ bowl', '1', '13/12/2010 08:00', '2.5', '7', 'France'],
  ]
    .map((row) => row.join(separator))
    .join('\n');

const event = (id: string): string =>
  JSON.stringify({
    event_id: id,
    timestamp: '2024-01-01T00:00:00Z',
    user_id: 'u',
    event_type: 'view',
    session_id: 's',
    product: { id: 'p', name: 'Lamp', price: 1 },
    shade: 'red',
  });

const root = join(import.meta.dirname, '../..');
const command = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['cli/import/import.ts', ...args], { cwd: root });

const reasons = ({ report }: Run): [number, string][] =>
  report.turned_away.map(({ line, reason }) => [line, reason]);

it('an import ends with a search for what it read, that every shell reads alike', async () => {
  const name = '7\\" $HOME `lamp`, 1.5 l';
  const { said } = await run(await file(event('a').replace('Lamp', name)));
  expect(said).toContain('\n  npm run search "--" "7 HOME lamp 1 5" --target http://gateway.test');
});

describe('ready-made mappings', () => {
  it('Online Retail: invoices become purchases, the rest is rejected with a reason', async () => {
    const result = await run(join(fixtures, 'retail.csv'));
    expectWhole(result);
    expect(reasons(result)).toEqual(
      [
        [4, 'not a product (postage, fees, discounts, manual entries)'],
        [5, 'cancelled invoice'],
        [6, 'no product name'],
        [8, 'stock entry without price and customer'],
        [9, 'stock adjustment, not a sale'],
        [12, 'wrong number of columns'],
        [13, 'timestamp not readable'],
        [14, 'quantity not readable'],
        [10, 'a quote is opened and never closed'],
      ].toSorted(([a], [b]) => Number(a) - Number(b)),
    );
    expect(result.sent.map(({ product }) => product)).toEqual([
      { id: '90001A', name: 'BRASS HARBOUR LANTERN', price: 12.5 },
      { id: '90002', name: 'FELT STAR; SET OF 3', price: 1.95 },
      { id: '90004', name: 'WOOL TEA COSY 8" ROUND', price: 7.65 },
      { id: '90008', name: 'TIN OF "BRIGHT" CRAYONS', price: 1.05 },
      { id: '90012', name: 'PAPER LANTERN GARLAND', price: 4.2 },
    ]);
    expect(result.sent[2]).toMatchObject({
      event_type: 'purchase',
      timestamp: '2010-12-03T08:15:00.000Z',
      user_id: 'guest:700005',
      session_id: '700005',
      quantity: 2,
      total_amount: 15.3,
      country: 'United Kingdom',
    });
    expect(result.said).toContain('16 lines = 1 header + 5 imported + 9 turned away + 1 empty');
  });

  it('REES46: names come from brand and category', async () => {
    const result = await run(join(fixtures, 'rees46.csv'));
    expectWhole(result);
    expect(result.sent.map(({ event_type: type, product }) => [type, product])).toEqual([
      [
        'view',
        {
          id: '500001',
          name: 'norda water kettle',
          category: 'kitchen > appliances > water kettle',
          price: 24.9,
        },
      ],
      [
        'add_to_cart',
        {
          id: '500001',
          name: 'norda water kettle',
          category: 'kitchen > appliances > water kettle',
          price: 24.9,
        },
      ],
      ['remove_from_cart', { id: '500002', name: 'lumo', price: 9 }],
      ['purchase', { id: '500003', name: 'bicycle', category: 'sport > bicycle', price: 310 }],
    ]);
    expect(result.sent[2]).toMatchObject({
      session_id: 'user:70002',
      timestamp: '2019-11-05T06:01:10.000Z',
    });
    expect(reasons(result)).toEqual([
      [6, 'neither brand nor category, so no text to embed'],
      [7, 'event_type without a meaning in the mapping'],
    ]);
  });
});

describe('the same log in another encoding', () => {
  it.each([
    ['UTF-8 with tabs', Buffer.from(oneRow('\t'))],
    ['windows-1252', Buffer.from(oneRow('|'), 'latin1')],
    ['UTF-16 little-endian', Buffer.from(`\uFEFF${oneRow(';')}\n`, 'utf16le')],
    ['UTF-16 big-endian', Buffer.from(`\uFEFF${oneRow(',')}\r\n`, 'utf16le').swap16()],
    ['gzip', gzipSync(oneRow(','))],
    ['old Mac line ends', Buffer.from(oneRow(',').replaceAll('\n', '\r'))],
  ])('%s is read without a flag', async (_name, content) => {
    const result = await run(await file(content));
    expect(result.sent).toHaveLength(1);
    expect(result.sent[0]).toMatchObject({
      product: { name: 'Café crème £ bowl', price: 2.5 },
      timestamp: '2010-12-13T08:00:00.000Z',
    });
    expectWhole(result);
  });

  it('a log and its gzip make the same events', async () => {
    const text = oneRow(',');
    const [plain, packed] = [await run(await file(text)), await run(await file(gzipSync(text)))];
    expect(plain.sent).toEqual(packed.sent);
  });

  it('flags override what is detected', async () => {
    const path = await file(oneRow(',').replace('13/12/2010', '1/12/2010'));
    const result = await run(path, ['--date-format', 'M/d/yyyy H:mm', '--time-zone', '+02:00']);
    expect(result.sent[0]).toMatchObject({ timestamp: '2010-01-12T06:00:00.000Z' });
    await expect(run(path)).rejects.toThrow(/day first or month first.*--date-format/);
  });
});

const rowWithLongIds = (id: string, at: string): string =>
  `{"event_time":${at},"event_type":"view","product_id":${id},"name":"Kettle","price":35.79,` +
  `"user_id":1515915625519388267,"user_session":"s1"}`;

describe('NDJSON', () => {
  it('of events passes unchanged, and invalid events are turned away', async () => {
    const result = await run(
      await file(
        `${event('a')}\nnot json\n\n${event('b').replace('"price":1', '"price":-1')}` +
          `\n${event('c')}`,
      ),
    );
    expect(result.sent.map(({ event_id: id, shade }) => [id, shade])).toEqual([
      ['a', 'red'],
      ['c', 'red'],
    ]);
    expect(reasons(result)).toEqual([
      [2, 'not json'],
      [4, 'invalid product.price'],
    ]);
    expectWhole(result);
  });

  it('keeps every digit of long ids and reads times in microseconds', async () => {
    const mapping = await file(
      [
        'event:',
        '  event_type: "{event_type}"',
        '  timestamp: "{event_time}"',
        '  user_id: "{user_id}"',
        '  session_id: "{user_session}"',
        '  product: { id: "{product_id}", name: "{name}", price: "{price}" }',
      ].join('\n'),
    );
    const ids = ['2103807459595387724', '2103807459595387725', '2103807459595387726'];
    const lines = ids.map((id, index) => rowWithLongIds(id, `1569888000123${index}99`));
    const result = await run(await file(lines.join('\n')), ['--mapping', mapping]);
    expect(result.sent).toMatchObject(
      ids.map((id) => ({
        timestamp: '2019-10-01T00:00:00.123Z',
        user_id: '1515915625519388267',
        product: { id },
      })),
    );
    expectWhole(result);
  });

  it('of another shape goes through a mapping file', async () => {
    const lines = [
      {
        what: 'look',
        at: '2024-03-01T10:00:00+01:00',
        visitor: 7,
        visit: 'v1',
        sku: 'k1',
        title: 'Oak stool',
        price: 49.5,
      },
      {
        what: 'buy',
        at: '2024-03-01T10:05:00+01:00',
        visitor: 7,
        visit: null,
        sku: 'k1',
        title: 'Oak stool',
        price: 49.5,
      },
      {
        what: 'find',
        at: '2024-03-01T10:05:30+01:00',
        visitor: 7,
        visit: 'v2',
        words: 'oak table',
      },
      {
        what: 'look',
        at: '2024-03-01T10:05:40+01:00',
        visitor: 7,
        visit: 'v2',
        words: 'oak table',
      },
      {
        what: 'scroll',
        at: '2024-03-01T10:06:00+01:00',
        visitor: 7,
        visit: 'v1',
        sku: 'k1',
        title: 'Oak stool',
        price: 49.5,
      },
    ];
    const result = await run(await file(lines.map((line) => JSON.stringify(line)).join('\n')), [
      '--mapping',
      join(fixtures, 'clicks.yaml'),
    ]);
    expect(result.sent).toMatchObject([
      {
        event_type: 'view',
        timestamp: '2024-03-01T09:00:00.000Z',
        user_id: '7',
        session_id: 'v1',
        quantity: 1,
        channel: 'web',
        product: { id: 'k1', name: 'Oak stool', price: 49.5 },
      },
      { event_type: 'purchase', session_id: 'visitor:7' },
      { event_type: 'search', search_query: 'oak table', session_id: 'v2' },
    ]);
    expect(reasons(result)).toEqual([
      [4, 'no product id'],
      [5, 'event_type without a meaning in the mapping'],
    ]);
  });
});

/** `count` good rows of the Online Retail shape. */
function retail(count: number): string {
  const rows = Array.from(
    { length: count },
    (_, index) => `${index},${20000 + index},WOODEN TOY ${index},1,13/12/2010 08:00,2.5,7,France`,
  );
  return (
    'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n' +
    `${rows.join('\n')}\n`
  );
}

describe('a repeated import', () => {
  it('makes the same ids', async () => {
    const path = await file(retail(20));
    const [first, second] = [await run(path), await run(path)];
    expect(second.sent).toEqual(first.sent);
    expect(new Set(first.sent.map(({ event_id: id }) => id)).size).toBe(20);
  });

  it('resumes after the last acknowledged row of an interrupted run', async () => {
    const path = await file(retail(3000));
    const dataDir = join(folder, 'resumed');
    let posts = 0;
    const first = await run(path, [], {
      dataDir,
      post: async (_lines, stop) => {
        if (++posts === 3) stop();
        return new Map();
      },
    });
    expect(first.code).toBe(130);
    expect(first.said).toMatch(/again to resume here/);
    expect(first.report.summary.ended).toBe('stopped');

    const second = await run(path, [], { dataDir });
    expect(second.code).toBe(0);
    expect(second.report.summary.lines).toMatchObject({
      already: first.sent.length,
      accepted: 3000 - first.sent.length,
    });
    expect(new Set([...first.sent, ...second.sent].map(({ event_id: id }) => id)).size).toBe(3000);
    expect(first.sent.length + second.sent.length).toBe(3000);
    expectWhole(second);
    expect((await run(path, [], { dataDir })).sent).toHaveLength(3000);
  });

  it('resumes after a failure of the gateway, unless --restart is given', async () => {
    const path = await file(retail(3000));
    const dataDir = join(folder, 'failed');
    let posts = 0;
    const failing = run(path, [], {
      dataDir,
      post: () => (++posts > 2 ? Promise.reject(new Error('gone')) : Promise.resolve(new Map())),
    });
    await expect(failing).rejects.toThrow('gone');
    expect((await run(path, ['--restart', '--limit', '10'], { dataDir })).sent).toHaveLength(10);
    const rest = await run(path, [], { dataDir });
    expect(rest.report.summary.lines).toMatchObject({ already: 10, accepted: 2990 });
  });

  it('reports the rows that the gateway refused in an earlier run, too', async () => {
    const path = await file(retail(1200));
    const dataDir = join(folder, 'refused');
    let stopAfter = 1;
    const post: Fake['post'] = async (_lines, stop) => {
      if (--stopAfter === 0) stop();
      return new Map([[3, 'too long for this gateway']]);
    };
    const first = await run(path, ['--limit', '500'], { dataDir, post });
    expect(reasons(first)).toEqual([[5, 'refused by the gateway']]);
    const second = await run(path, [], { dataDir });
    expect(reasons(second)).toEqual([[5, 'refused by the gateway']]);
    expect(second.report.summary.lines).toMatchObject({
      already: 499,
      accepted: 700,
      turned_away: 1,
    });
    expectWhole(second);
  });

  it('sends nothing with --dry-run, and accounts for every line', async () => {
    const result = await run(join(fixtures, 'retail.csv'), ['--dry-run']);
    expect(result.sent).toEqual([]);
    expect(result.said).toContain('5 fit to import');
    expectWhole(result);
  });
});

describe('hostile files', () => {
  it('huge fields, NUL bytes, ragged rows and broken quotes cost only their lines', async () => {
    const lines = [
      header,
      good(1),
      `2,2,${'x'.repeat(1024 * 1024)},1,13/12/2010 08:00,2.5,7,France`,
      good(3),
      '4,4,A\0B,1',
      good(5),
      '6,6',
      good(7),
      '8,"8,TOY,1',
      good(9),
    ];
    const result = await run(await file(lines.join('\r\n')));
    expect(result.sent.map(({ session_id: id }) => id)).toEqual(['1', '3', '5', '7', '9']);
    expect(reasons(result).toSorted(([a], [b]) => a - b)).toEqual([
      [3, 'too large'],
      [5, 'line holds NUL bytes'],
      [7, 'wrong number of columns'],
      [9, 'a quote is opened and never closed'],
    ]);
    expectWhole(result);
  });

  it('every line is accounted for, whatever it contains', async () => {
    const line = fc.oneof(
      fc.constant(good(1)),
      fc.string({ maxLength: 60 }),
      fc.string({ unit: fc.constantFrom('"', ',', '\r', 'a', '\0', '1', '\n'), maxLength: 30 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
        const text = [header, good(1), ...lines].join('\n');
        const result = await run(await file(text), [
          '--date-format',
          'd/M/yyyy H:mm',
          '--delimiter',
          ',',
        ]);
        expectWhole(result);
        expect(result.report.summary.lines['read']).toBe(
          text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('any bytes end in an account or in a one-line error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.boolean(),
        async (bytes, withHeader) => {
          const content = withHeader
            ? Buffer.concat([Buffer.from(`${header}\n`), bytes])
            : Buffer.from(bytes);
          const outcome = await run(await file(content)).then(
            (result) => result.code,
            (error: unknown) => (error instanceof UsageError ? 2 : error),
          );
          expect([0, 2]).toContain(outcome);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['no such file', () => join(folder, 'nowhere.csv'), /no such file/],
    ['a folder', () => folder, /is a folder/],
    ['an empty file', () => file(''), /is empty/],
    [
      'a binary file',
      () => file(Buffer.from(Array.from({ length: 999 }, (_, index) => index % 7))),
      /not a text file/,
    ],
    ['a truncated gzip', () => file(gzipSync(retail(5000)).subarray(0, 2000)), /ends too early/],
    [
      'a damaged gzip',
      () => file(Buffer.concat([gzipSync('abc').subarray(0, 10), Buffer.from('nonsense')])),
      /damaged|too early/,
    ],
    [
      'a header of other columns',
      () => file('a,b,c\n1,2,3\n'),
      /found a, b, c; session-clicks misses Time/,
    ],
  ])('%s is refused in one line that names the file', async (_name, make, message) => {
    const path = await make();
    const error: unknown = await run(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain(path);
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain('\n');
  });

  it.each([
    ['event: {}', /event\.event_type/],
    ['evnt: {}\nevent: {}', /evnt.*allowed are about/],
    [
      'event:\n  event_type: view\n  timestamp: "{t}"\n  user_id: "{u}"\n  session_id: "{s}"\n' +
        '  colour: red\n  product: {id: "{i}", name: "{n}", price: 1}',
      /colour.*allowed are event_type/s,
    ],
    [
      'event:\n  event_type: view\n  timestamp: "{t|upside-down}"\n  user_id: "{u}"\n  ' +
        'session_id: "{s}"\n  product: {id: "{i}", name: "{n}", price: 1}',
      /upside-down/,
    ],
    [
      'event:\n  event_type: view\n  timestamp: "{when}"\n  user_id: "{u}"\n  session_id: ' +
        '"{u}"\n  product: {id: "{u}", name: "{u}", price: 1}',
      /needs the columns when, u; found InvoiceNo/,
    ],
    ['a: [', /not YAML/],
  ])('a mapping with a mistake is refused by name: %j', async (yaml, message) => {
    const mapping = await file(yaml, 'mapping.yaml');
    const error: unknown = await run(await file(retail(3)), ['--mapping', mapping]).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(message);
  });

  it('the error for an unknown mapping names the ready-made ones', async () => {
    await expect(run(await file(retail(3)), ['--mapping', 'amazon'])).rejects.toThrow(
      /mapping amazon: .*online-retail, online-retail-ii, .*rees46/,
    );
  });
});

it('the command exits with code 2 and one line for bad input, and shows its help', async () => {
  await expect(command('/nowhere.csv')).rejects.toMatchObject({
    code: 2,
    stderr: '/nowhere.csv: no such file\n',
  });
  expect((await command('--help')).stdout).toContain('--date-format');
});
