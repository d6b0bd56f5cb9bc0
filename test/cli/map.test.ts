// `npm run map` shows what a mapping makes of records, finds the ready-made ones for them, and
// drafts one for others. It stores nothing.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventTypesOf } from '#core/event/event-types.ts';
import { draftedMapping, givenMapping, readyMadeMappings } from '../../cli/map/map-sample.ts';
import { reportOf, reportText } from '../../cli/map/mapping-report.ts';
import { recordsOfFile } from '../../cli/map/sample-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const root = join(import.meta.dirname, '../..');
const sample = (file: string): string => join(root, 'test/fixtures/mappings', file);
const now = Date.UTC(2026, 5, 1);

test.each([
  ['shopify-orders.ndjson', 'shopify-orders'],
  ['retailrocket.csv', 'retailrocket'],
  ['rees46.csv', 'rees46'],
  ['ubi-events.ndjson', 'ubi-events'],
])('the mapping of %s is found by its records', async (file, name) => {
  const found = await readyMadeMappings(await recordsOfFile(sample(file), 100), now);
  expect(found?.mappings.map((mapping) => mapping.name)).toEqual([name]);
});

test('a file with records of several systems needs the mapping of each', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'sample.ndjson');
  const texts = ['segment', 'snowplow', 'woocommerce'].map((name) =>
    readFile(sample(`${name}.ndjson`), 'utf8'),
  );
  await writeFile(file, (await Promise.all(texts)).join(''));
  const found = await readyMadeMappings(await recordsOfFile(file, 100), now);
  expect(found?.mappings.map(({ name }) => name)).toEqual(['segment', 'snowplow', 'woocommerce']);
});

test('of the bulk form of OpenSearch, the documents are the records', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'bulk.ndjson');
  const lines = (await readFile(sample('ubi-queries.ndjson'), 'utf8')).trimEnd().split('\n');
  const action = JSON.stringify({ index: { _index: 'ubi_queries', _id: '7' } });
  await writeFile(file, lines.flatMap((line) => [action, line]).join('\n'));
  expect(await recordsOfFile(file, 100)).toHaveLength(lines.length);
});

test("events in VectorStream's format need no mapping: one object, a list or lines", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'sample.json');
  const event = {
    eventId: 1,
    userId: 'u',
    eventType: 'VIEW',
    timestamp: 1_777_600_000,
    product: { id: 7, name: 'Kettle', price: '12.50' },
  };
  for (const text of [
    JSON.stringify(event, null, 2),
    JSON.stringify([event, event]),
    `${JSON.stringify(event)}\n${JSON.stringify(event)}\n`,
  ]) {
    await writeFile(file, text);
    expect(await readyMadeMappings(await recordsOfFile(file, 100), now)).toMatchObject({
      mappings: [],
    });
  }
});

describe('the report', () => {
  test('counts events by type, and what is passed over', async () => {
    const records = await recordsOfFile(sample('shopify-orders.ndjson'), 100);
    const { mappings } = await givenMapping('shopify-orders');
    const text = reportText(reportOf(records, mappings, now));
    expect(text).toContain('6 records: 9 events (purchase 9), 3 passed over, 0 turned away');
    expect(text).toContain('"user_id":"115310627314723950"');
  });

  test('says what cannot be read and why, with the number of the first such record', async () => {
    const [first, ...others] = await recordsOfFile(sample('segment.ndjson'), 100);
    if (first === undefined) throw new Error('The sample is empty.');
    const page = new TextDecoder().decode(first.value).replace('Product Viewed', 'Page Viewed');
    const other = { ...first, value: new TextEncoder().encode(page) };
    const { mappings } = await givenMapping('segment');
    const text = reportText(reportOf([first, other, other, ...others], mappings, now));
    expect(text).toMatch(
      /2 from record 2: .*The closest mapping is segment: got "Page Viewed" in \{event\}, allowed/,
    );
  });
});

test('texts of records steer no terminal, and add no line to a draft', () => {
  const records = ['gaze', 'basket', 'a\nb: \u009b1m\u202e'].map((kind, number) => ({
    ...record(number),
    kind,
  }));
  const sent = records.map((value, offset) => ({
    key: null,
    value: new TextEncoder().encode(JSON.stringify({ ...value, note: '\u009b1m' })),
    headers: {},
    timestamp: now,
    position: { topic: 'sample', partition: 0, offset },
  }));
  const { about, draft, mappings } = draftedMapping(sent, { from: 'topic', now });
  const report = reportText(reportOf(sent, mappings, now));
  expect(draft).not.toMatch(/^b:/m);
  expect(`${about}${report}`).not.toMatch(/[^\P{C}\n]/u);
});

/** Of a system that no mapping knows. */
const record = (number: number) => ({
  kind: number % 2 === 0 ? 'gaze' : 'basket',
  at: `2026-05-01 10:0${number}:00`,
  who: { memberId: `m-${number}` },
  goods: [{ sku: `s-${number}`, title: 'Kettle', unitPrice: '12.50' }],
});

test('the command drafts a mapping for an unknown system, and overwrites no file', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'sample.json');
  const yaml = join(folder.path, 'mine.yaml');
  await writeFile(file, JSON.stringify([record(1), record(2), record(3)]));
  const drafted = await map(file, '--draft', yaml);
  expect(drafted).toMatchObject({ code: 0, stderr: '' });
  expect(drafted.stdout).toContain('3 records: 2 events (add_to_cart 2), 1 passed over, 0 turned');
  expect(drafted.stdout).toContain(
    `Check ${yaml}, then:  npm run import -- "${file}" --mapping ${yaml}`,
  );
  const records = await recordsOfFile(file, 100);
  expect(await readFile(yaml, 'utf8')).toBe(draftedMapping(records, { from: 'file', now }).draft);
  const { mappings } = await givenMapping(yaml);
  expect(reportOf(records, mappings, now).events).toEqual(new Map([['add_to_cart', 2]]));
  expect(await map(file, '--draft', yaml)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^.*mine\.yaml: cannot be written; it must not exist yet\n$/),
  });
});

type Ended = { readonly code: unknown; readonly stdout: string; readonly stderr: string };

function map(...args: readonly string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const script = join(root, 'cli/map/map-command.ts');
  const env = { ...process.env, NO_COLOR: '1' };
  execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) =>
    resolve({ code: error?.code ?? 0, stdout, stderr }),
  );
  return promise;
}

test('deletes are shown as such, and a mapping for them alone can be tried', async () => {
  await using folder = await temporaryFolder();
  const [file, mapping] = ['changes.ndjson', 'deletes.yaml'].map((name) => join(folder.path, name));
  const change = { before: { customer: 'anna' }, after: null, op: 'd' };
  await writeFile(file ?? '', `${JSON.stringify(change)}\n`.repeat(3));
  await writeFile(mapping ?? '', "delete_by: { user_id: '{customer}' }");
  const { mappings } = await givenMapping(mapping ?? '');
  const report = reportOf(await recordsOfFile(file ?? '', 100), mappings, now);
  expect(reportText(report)).toContain('0 events, 3 deletes (user 3), 0 passed over');
});

test('types of events that the gateway would add are known too', async () => {
  const event = {
    event_id: 'e-1',
    user_id: 'u',
    session_id: 's',
    event_type: 'click',
    timestamp: '2026-05-01T00:00:00Z',
    product: { id: '7', name: 'Kettle', price: 12.5 },
  };
  const sent = {
    key: null,
    value: new TextEncoder().encode(JSON.stringify(event)),
    headers: {},
    timestamp: now,
    position: { topic: 'shop', partition: 0, offset: 0 },
  };
  const types = eventTypesOf([{ name: 'click', place: 'view', weight: 1 }]);
  expect(reportOf([sent], [], now, types).events).toEqual(new Map([['click', 1]]));
  expect(reportOf([sent], [], now).events.size).toBe(0);
});
