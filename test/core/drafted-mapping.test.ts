// A mapping that is drafted from a sample reads what the ready-made one for it reads, unedited.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { readRecord } from '#core/decode/read-record.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { dateReader } from '#core/mapping/dates.ts';
import { draftMapping } from '#core/mapping/draft-mapping.ts';
import { parseMapping } from '#core/mapping/mapping.ts';
import { noMappings, type RecordMapping, recordMapping } from '#core/mapping/record-mapping.ts';
import { mappingsOf } from '../../gateway/config/record-mappings.ts';

const samples = join(import.meta.dirname, '../fixtures/mappings');
const now = Date.UTC(2026, 5, 1);
const topic = { from: 'topic', now } as const;
const ofFile = { from: 'file', now } as const;

/** The first line names the columns. */
function rowsOf(csv: string): unknown[] {
  const [header = '', ...lines] = csv.trimEnd().split('\n');
  const separator = /[,;\t]/.exec(header)?.[0] ?? ',';
  const names = header.split(separator);
  return lines.map((line) => {
    const fields = line.split(separator);
    return Object.fromEntries(names.map((name, index) => [name, fields[index]]));
  });
}

function recordsOf(file: string): unknown[] {
  const text = readFileSync(join(samples, file), 'utf8');
  if (file.endsWith('.csv')) return rowsOf(text);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Whether each record becomes one event or more, and nothing of it is refused. */
function mapped(records: readonly unknown[], mapping: RecordMapping): boolean[] {
  return records.map((record, offset) => {
    const sent = {
      key: new TextEncoder().encode('someone'),
      value: new TextEncoder().encode(JSON.stringify(record)),
      headers: {},
      timestamp: now,
      position: { topic: 'sample', partition: 0, offset },
    };
    const rules = { now, limits: eventLimits, mappings: { ...noMappings, tried: [mapping] } };
    const parts = readRecord(sent, rules).filter(({ read }) => !('ignored' in read));
    return parts.length > 0 && parts.every(({ read }) => 'event' in read);
  });
}

/** Why a draft cannot read the sample of a ready-made mapping. */
const exceptions: Readonly<Record<string, string>> = {
  'yoochoose-clicks.csv': 'it has no header, and so no names',
  'yoochoose-buys.csv': 'it has no header, and so no names',
};

test.each(readdirSync(samples).filter((file) => !Object.hasOwn(exceptions, file)))(
  'of %s',
  (file) => {
    const records = recordsOf(file);
    const name = file.replace(/\..*$/, '');
    const settings = { strict: false, timeZone: 'UTC', mappings: [name] };
    const [readyMade] = mappingsOf({ events: settings, kafka: { topics: [] } }).tried;
    if (readyMade === undefined) throw new Error(`There is no mapping ${name}.`);
    const { mapping } = draftMapping(records, topic);
    const drafted = recordMapping(parseMapping(parse(stringify(mapping)), 'draft'));
    const byReadyMade = mapped(records, readyMade);
    const byDraft = mapped(records, drafted);
    const expected = byReadyMade.filter(Boolean).length;
    const found = byDraft.filter((isMapped, at) => isMapped && byReadyMade[at]).length;
    expect(found / expected, stringify(mapping)).toBeGreaterThanOrEqual(0.9);
  },
);

test('of a log with decimal commas and days before months reads names, prices and times', () => {
  const { mapping } = draftMapping(
    ['2,55', '3,39', '1.299,90'].map((UnitPrice, index) => ({
      InvoiceNo: `53636${index}`,
      StockCode: `8512${index}A`,
      Description: 'WHITE LANTERN',
      Quantity: '6',
      InvoiceDate: `1/12/2010 08:2${index}`,
      UnitPrice,
      CustomerID: '17850',
    })),
    topic,
  );
  expect(mapping).toMatchObject({
    decimal: 'comma',
    date_format: expect.stringMatching(/^d\/M\/yyyy/),
    event: {
      event_type: 'purchase',
      timestamp: '{InvoiceDate}',
      product: { id: '{StockCode}', price: ['{UnitPrice}', 0] },
      quantity: '{Quantity}',
    },
  });
  expect(JSON.stringify(mapping)).toContain('"name":"{Description}"');
});

test('of records without a product and a search is refused with the names that they have', () => {
  expect(() => draftMapping([{ level: 'info', host: 'a' }], topic)).toThrow(
    'No member looks like the id of a product or a search; found level, host. Write a mapping',
  );
});

test('a record that is nested deeper than an event may be is left out of the sample', () => {
  const lists = '['.repeat(50_000) + ']'.repeat(50_000);
  const records = recordsOf('segment.ndjson');
  const deep: unknown = JSON.parse(`{"properties":${lists}}`);
  expect(draftMapping([deep, ...records], topic)).toEqual(draftMapping(records, topic));
});

test('of a table of orders reads titles, mail addresses, and times with AM and PM', () => {
  const rows = ['Nov 3, 2025 4:56 PM', 'Nov 14, 2025 11:05 AM'].map((date, row) => ({
    order_no: `50${row}`,
    date,
    customer_email: 'ada@mail.example',
    'Item no.': `T-${row}`,
    title: 'Titanium spork',
    collection: 'Kitchen',
    price_usd: '$1,012.50',
    units: '3',
  }));
  const { mapping, guesses } = draftMapping(rows, ofFile);
  expect(mapping).toEqual({
    date_format: expect.stringContaining('MMM d, yyyy'),
    event: {
      event_type: 'purchase',
      timestamp: '{date}',
      user_id: ['{customer_email}', 'guest:{order_no}'],
      product: {
        id: '{Item no.}',
        name: '{title}',
        category: '{collection}',
        price: ['{price_usd}', 0],
      },
      quantity: '{units}',
    },
  });
  expect(guesses).toEqual([
    'No member says what was done: every event is a purchase.',
    expect.stringMatching(/^Dates such as "Nov 3, 2025 4:56 PM" are read as .*, in UTC: add/),
  ]);
  const drafted = recordMapping(parseMapping(mapping, 'draft'));
  expect(mapped(rows, drafted)).toEqual([true, true]);
});

test('of a list of products in a file needs neither times nor users', () => {
  const rows = [{ sku: 'A1', title: 'Rain jacket', description: 'Keeps dry', price: '59.90' }];
  const { mapping, guesses } = draftMapping(rows, ofFile);
  expect(mapping['event']).toMatchObject({
    event_type: 'view',
    timestamp: '2026-06-01T00:00:00.000Z',
    user_id: 'unknown',
    product: { id: '{sku}', name: '{title}', description: '{description}' },
  });
  expect(guesses).toContain('No column names the user: every event is of one user, "unknown".');
  expect(mapped(rows, recordMapping(parseMapping(mapping, 'draft')))).toEqual([true]);
});

test.each([
  '11/30/2026, 5:55:08\u202fPM',
  '30 Nov 2026 5:55 pm',
  '2026-11-30 5:55 PM',
  'Mon, Nov 30, 2026, 5:55 PM',
])('reads the time %s', (text) => {
  const { mapping } = draftMapping([{ sku: '1', title: 'Lamp', date: text }], ofFile);
  const format = String(mapping['date_format']);
  expect(dateReader(format, 'UTC')(text)).toBeGreaterThan(Date.UTC(2026, 10, 30, 17, 55) - 1);
});
