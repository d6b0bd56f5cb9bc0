// A mapping that is drafted from a sample reads what the ready-made one for it reads, unedited.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { readRecord } from '#core/decode/read-record.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { draftMapping } from '#core/mapping/draft-mapping.ts';
import { parseMapping } from '#core/mapping/mapping.ts';
import { noMappings, type RecordMapping, recordMapping } from '#core/mapping/record-mapping.ts';
import { mappingsOf } from '../../gateway/config/record-mappings.ts';

const samples = join(import.meta.dirname, '../fixtures/mappings');
const now = Date.UTC(2026, 5, 1);

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
    const [readyMade] = mappingsOf({ events: settings }).tried;
    if (readyMade === undefined) throw new Error(`There is no mapping ${name}.`);
    const { mapping } = draftMapping(records);
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
  expect(() => draftMapping([{ level: 'info', host: 'a' }])).toThrow(
    'No member looks like the id of a product or a search; found level, host.',
  );
});

test('a record that is nested deeper than an event may be is left out of the sample', () => {
  const lists = '['.repeat(50_000) + ']'.repeat(50_000);
  const records = recordsOf('segment.ndjson');
  const deep: unknown = JSON.parse(`{"properties":${lists}}`);
  expect(draftMapping([deep, ...records])).toEqual(draftMapping(records));
});
