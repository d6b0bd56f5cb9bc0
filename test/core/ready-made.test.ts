// Each ready-made mapping reads a sample in the shape of its system: what it makes of every record,
// and what it passes over.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRecord } from '#core/decode/read-record.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import type { MappingSet } from '#core/mapping/record-mapping.ts';
import { planImport } from '../../cli/import/import-plan.ts';
import { mappingsOf } from '../../gateway/config/record-mappings.ts';

const samples = join(import.meta.dirname, '../fixtures/mappings');
const readyMade = readdirSync(join(import.meta.dirname, '../../core/mapping/ready-made'));
const streams = readyMade
  .map((file) => basename(file, '.yaml'))
  .filter((name) => readdirSync(samples).includes(`${name}.ndjson`));
const linesOf = (file: string): string[] =>
  readFileSync(join(samples, file), 'utf8').trimEnd().split('\n');
const now = Date.UTC(2026, 5, 1);

const mappingSets = new Map<string, MappingSet>();
function mappingsNamed(names: readonly string[]): MappingSet {
  const settings = { strict: false, timeZone: 'UTC', mappings: names };
  const key = names.join();
  const set = mappingSets.get(key) ?? mappingsOf({ events: settings, kafka: { topics: [] } });
  mappingSets.set(key, set);
  return set;
}

function partsOf(line: string, at: number, tried: readonly string[]) {
  const record = {
    key: null,
    value: new TextEncoder().encode(line),
    headers: {},
    timestamp: now,
    position: { topic: 'shop', partition: 0, offset: at },
  };
  return readRecord(record, { now, limits: eventLimits, mappings: mappingsNamed(tried) });
}

/** What becomes of a record: its events as `type product`, `ignored`, or the reason against it. */
function read(line: string, at: number, tried: readonly string[]): string[] {
  return partsOf(line, at, tried).map(({ read: found }) => {
    if ('ignored' in found) return found.ignored;
    if ('deletes' in found) return 'deletes';
    if ('reason' in found) return found.message;
    const { event } = found;
    return `${event.eventType} ${event.product?.name ?? event.searchQuery}`;
  });
}

const counts = (name: string, tried: readonly string[]) => {
  const parts = linesOf(`${name}.ndjson`).flatMap((line, at) => read(line, at, tried));
  const ignored = parts.filter((part) => part === 'turned_away').length;
  const events = parts.filter((part) =>
    /^(view|add_to_cart|remove_from_cart|purchase|wishlist_add|search) \S/.test(part),
  );
  return [events.length, ignored, parts.length - events.length - ignored];
};

const payload = (name: string, at: number) => {
  const [line = ''] = linesOf(`${name}.ndjson`).slice(at);
  const [part] = partsOf(line, at, [name]);
  return part !== undefined && 'event' in part.read
    ? JSON.parse(part.read.event.payload)
    : part?.read;
};

const detected = { delimiter: null, quote: null, encoding: null, decimal: null } as const;
const plan = (name: string, mapping: string | null) =>
  planImport(join(samples, `${name}.csv`), {
    ...detected,
    dateFormat: null,
    timeZone: null,
    skipLines: null,
    mapping,
  });

test('every ready-made mapping has a sample', () => {
  const names = readdirSync(samples).map((file) => file.replace(/\..*$/, '.yaml'));
  expect(names.toSorted()).toEqual(readyMade.toSorted());
});

describe('records of a stream', () => {
  const expected: Readonly<Record<string, readonly [events: number, turnedAway: number]>> = {
    'ga4-bigquery': [15, 0],
    'ga4-events': [12, 1],
    otto: [9, 0],
    'schema-org': [9, 0],
    segment: [10, 0],
    'segment-orders': [12, 0],
    'shopify-carts': [7, 0],
    'shopify-orders': [9, 3],
    snowplow: [12, 0],
    'ubi-events': [8, 2],
    'ubi-queries': [5, 1],
    woocommerce: [8, 1],
  };

  test.each(streams)('%s', (name) => {
    expect(counts(name, [name])).toEqual([...(expected[name] ?? []), 0]);
  });

  test('each is read by its own mapping, with all of them on', () => {
    for (const name of streams)
      expect([name, ...counts(name, streams)]).toEqual([name, ...(expected[name] ?? []), 0]);
  });

  test('of GA4, Shopify, WooCommerce and UBI say who, when, what and for how much', () => {
    expect(payload('ga4-events', 0)).toMatchObject({
      event_type: 'view',
      timestamp: '2026-05-01T01:46:40.000Z',
      user_id: 'u-0',
      session_id: '17776',
      product: { id: 'SKU0', name: 'Copper kettle', price: 9.9 },
    });
    expect(payload('shopify-orders', 1)).toMatchObject({
      event_type: 'purchase',
      timestamp: '2026-05-01T14:00:01.000Z',
      user_id: 'guest:820982911946154501',
      product: { id: '632910393', name: 'Oak bread board', price: 10.9 },
      quantity: 2,
      total_amount: 21.8,
    });
    expect(payload('woocommerce', 1)).toMatchObject({
      user_id: 'guest:wc_order_58d2d042d1d1',
      timestamp: '2026-05-01T10:01:08.000Z',
      product: { id: '94', name: 'Oak bread board', price: 7 },
      total_amount: 7,
    });
    expect(payload('ubi-events', 4)).toMatchObject({
      event_type: 'view',
      user_id: 'CLIENT-0',
      product: { id: 'B074', name: 'B074' },
    });
  });
});

describe('logs', () => {
  type Counts = readonly [events: number, turnedAway: number];
  const expected: readonly (readonly [name: string, given: boolean, ...Counts])[] = [
    ['diginetica-views', false, 8, 0],
    ['h-and-m', false, 8, 0],
    ['olist', false, 6, 2],
    ['online-retail', false, 6, 2],
    ['online-retail-ii', false, 6, 2],
    ['rees46', false, 7, 1],
    ['retailrocket', false, 9, 0],
    ['session-clicks', false, 8, 0],
    ['yoochoose-buys', true, 5, 1],
    ['yoochoose-clicks', true, 8, 0],
  ];

  test.each(expected)('%s', async (name, given, events, turnedAway) => {
    const log = await plan(name, given ? name : null);
    expect(log.mapping).toBe(name);
    const reader = log.newReader();
    const rows = linesOf(`${name}.csv`)
      .slice(log.header ? 1 : 0)

      .flatMap((text, number) => [...reader.push({ text, number, problem: null })]);
    const results = rows.map((row) => ('fields' in row ? log.toEvent(row.fields, 'id') : row));
    const made = results.filter((result) => typeof result === 'string');
    expect([made.length, results.filter((result) => typeof result !== 'string').length]).toEqual([
      events,
      turnedAway,
    ]);
    for (const text of made)
      expect(read(text, 0, [])).toEqual([expect.stringMatching(/^(view|add_to|remove|purchase)/)]);
  });
});
