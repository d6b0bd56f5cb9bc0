// Records of other systems become events by a mapping, and say what a mapping cannot read.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readByMapping, readRecord } from '#core/decode/read-record.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { parseMapping } from '#core/mapping/mapping.ts';
import {
  type MappingSet,
  noMappings,
  type RecordMapping,
  recordMapping,
} from '#core/mapping/record-mapping.ts';
import type { LogRecord, Position } from '#core/ports.ts';
import { mappingsOf } from '../../gateway/config/record-mappings.ts';
import { eventNow } from './event-arbitrary.ts';

type PlacedRecord = LogRecord & { readonly position: Position };
const bytes = (text: string) => new TextEncoder().encode(text);
const ofYaml = (yaml: string) => recordMapping(parseMapping(parse(yaml), 'mine'));
const only = (mapping: RecordMapping): MappingSet => ({ ...noMappings, tried: [mapping] });
const readyMade = (...mappings: readonly string[]) =>
  mappingsOf({ events: { mappings }, kafka: { topics: [] } });

function read(value: unknown, mappings = readyMade(), record: Partial<PlacedRecord> = {}) {
  const sent = {
    value: bytes(JSON.stringify(value)),
    key: null,
    headers: {},
    timestamp: eventNow,
    position: { topic: 'shop', partition: 0, offset: 5 },
    ...record,
  };
  const parts = readRecord(sent, { now: eventNow, limits: eventLimits, mappings });
  return parts.map(({ read: found, piece }) => {
    if ('ignored' in found) return { ignored: found.ignored, piece };
    if ('deletes' in found) return { deletes: found.deletes, piece };
    if ('reason' in found) return { reason: found.reason, message: found.message, piece };
    return { event: JSON.parse(found.event.payload), changes: found.changes, piece };
  });
}

const segment = {
  type: 'track',
  event: 'Product Viewed',
  messageId: 'ajs-1',
  anonymousId: 'a1',
  userId: 'u1',
  timestamp: '2026-11-23T03:19:38Z',
  properties: {
    product_id: 'p1',
    sku: 'G-32',
    category: 'Games',
    name: 'Monopoly: 3rd Edition',
    brand: 'Hasbro',
    price: 18.99,
    quantity: 1,
    currency: 'usd',
  },
};
const order = {
  ...segment,
  event: 'Order Completed',
  messageId: 'ajs-2',
  properties: {
    order_id: 'o1',
    products: [
      { product_id: 'p1', name: 'Monopoly', price: 19, quantity: 1 },
      { product_id: 'p2', name: 'UNO', price: 3, quantity: 2 },
    ],
  },
};

const ofTopics = (...topics: readonly string[]) =>
  mappingsOf({ events: { mappings: [] }, kafka: { topics } });
const from = (topic: string) => ({ position: { topic, partition: 0, offset: 5 } });

describe('the mapping of a topic', () => {
  const mappings = ofTopics('orders=segment-orders', '^web[.].+=segment', 'plain');

  test('reads what the topic holds, by name or by pattern, and nothing of other topics', () => {
    expect(read(order, mappings, from('orders'))).toHaveLength(2);
    expect(read(segment, mappings, from('web.eu'))).toMatchObject([
      { event: { event_type: 'view', product: { id: 'p1' } } },
    ]);
    for (const topic of ['webshop', 'web.', 'my.web.eu', 'plain'])
      expect(read(segment, mappings, from(topic))).toMatchObject([{ reason: 'invalid_event' }]);
  });

  test('is named by what it cannot read', () => {
    expect(read({ type: 'identify' }, mappings, from('orders'))).toMatchObject([
      { reason: 'invalid_event', message: expect.stringContaining('segment-orders') },
    ]);
  });

  test('also reads a dead letter of that topic that is replayed to another one', () => {
    const headers = {
      'vectorstream.first-timestamp': bytes(String(eventNow)),
      '__connect.errors.topic': bytes('web.eu'),
      '__connect.errors.partition': bytes('0'),
      '__connect.errors.offset': bytes('5'),
    };
    const [replayed] = read(segment, mappings, { headers });
    expect(replayed).toEqual(read(segment, mappings, from('web.eu'))[0]);
  });

  test('gives way to the one that a record names, and to an event that is valid as it is', () => {
    const headers = { 'vectorstream.mapping': bytes('segment') };
    expect(read(segment, mappings, { headers, ...from('orders') })).toMatchObject([
      { event: { event_type: 'view' } },
    ]);
    const [own] = read(segment, mappings, from('web.eu'));
    const sent = own !== undefined && 'event' in own ? own.event : null;
    expect(read(sent, mappings, from('orders'))).toMatchObject([{ event: sent, changes: [] }]);
  });

  test('must exist', () => {
    expect(() => ofTopics('orders=no-such')).toThrow(/kafka\.topics: no-such cannot be read/);
  });
});

describe('ready-made mappings', () => {
  test('Segment: an event about a product, and a search', () => {
    const [viewed] = read(segment, readyMade('segment'));
    expect(viewed).toMatchObject({
      event: {
        event_id: 'ajs-1',
        event_type: 'view',
        timestamp: '2026-11-23T03:19:38.000Z',
        user_id: 'u1',
        product: { id: 'p1', name: 'Monopoly: 3rd Edition', category: 'Games', price: 18.99 },
        brand: 'Hasbro',
      },
      changes: ['mapped', 'session_id'],
      piece: null,
    });
    const search = { ...segment, event: 'Products Searched', properties: { query: 'chess' } };
    expect(read(search, readyMade('segment'))).toMatchObject([
      { event: { event_type: 'search', search_query: 'chess' } },
    ]);
  });

  test('Segment: an order is a purchase of each product, with ids of their own', () => {
    const mappings = readyMade('segment', 'segment-orders');
    const items = read(order, mappings);
    expect(items).toMatchObject([
      { event: { product: { id: 'p1' }, total_amount: 19, order_id: 'o1' } },
      { event: { product: { id: 'p2' }, quantity: 2, total_amount: 6 } },
    ]);
    expect(new Set(items.map(({ event }) => event.event_id)).size).toBe(2);
    expect(read(order, mappings)).toEqual(
      items.map((item) => ({ ...item, piece: expect.anything() })),
    );
  });

  test('Google Analytics: a row of the export, by its microseconds', () => {
    const row = {
      event_date: '20210127',
      event_timestamp: '1611789079000001',
      event_name: 'purchase',
      user_pseudo_id: '111.222',
      items: [
        { item_id: 'G1', item_name: 'Super cap', price: '12.5', item_category: '(not set)' },
        { item_id: 'G2', item_name: 'Mega mug', price: '7' },
      ],
    };
    const items = read(row, readyMade('ga4-bigquery'));
    expect(items).toMatchObject([
      { event: { event_type: 'purchase', timestamp: '2021-01-27T23:11:19.000Z' } },
      { event: { product: { id: 'G2', name: 'Mega mug', price: 7 } } },
    ]);
    expect(items[0]?.event.product.category).toBeUndefined();
  });

  test('Snowplow: an action with its products', () => {
    const event = {
      app_id: 'shop',
      event: 'unstruct',
      event_id: 'cf917de9-3a92-4dd7-aa43-f1f85539a527',
      collector_tstamp: '2026-11-23 03:19:38.123',
      user_id: 'u1',
      domain_sessionid: 's',
      unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1: {
        type: 'product_view',
      },
      contexts_com_snowplowanalytics_snowplow_ecommerce_product_1: [
        { id: 'p1', name: 'Lamp', category: 'home', price: 10, currency: 'EUR' },
      ],
    };
    expect(read(event, readyMade('snowplow'))).toMatchObject([
      { event: { event_type: 'view', session_id: 's', product: { id: 'p1', name: 'Lamp' } } },
    ]);
  });
});

/** A session of OTTO with an unknown type, beside lists in lists. */
function nested(depth: number): Uint8Array {
  const text = JSON.stringify({
    session: 1,
    events: [{ aid: 1, ts: 1795428000, type: 'nap' }],
    deep: 0,
  });
  return bytes(text.replace('"deep":0', `"deep":${'['.repeat(depth)}${']'.repeat(depth)}`));
}

type JsonText = fc.Arbitrary<string>;
const anyJson: JsonText = fc.jsonValue().map((value) => JSON.stringify(value));
const constant = (value: unknown): JsonText => fc.constant(JSON.stringify(value));
const objectOf = (members: Readonly<Record<string, JsonText>>): JsonText =>
  fc.record(members).map((texts) => {
    const written = Object.entries(texts).map(([name, text]) => `${JSON.stringify(name)}:${text}`);
    return `{${written.join(',')}}`;
  });
const listOf = (item: JsonText): JsonText => fc.array(item).map((texts) => `[${texts.join(',')}]`);
/** In lists in lists, or not. */
const inLists = (inner: JsonText): JsonText =>
  fc
    .tuple(inner, fc.oneof({ weight: 9, arbitrary: fc.nat(4) }, fc.constant(20_000)))
    .map(([text, depth]) => '['.repeat(depth) + text + ']'.repeat(depth));

const ottoJson = objectOf({ session: constant(1), events: inLists(listOf(anyJson)) });
const googleJson = objectOf({
  client_id: constant(1),
  events: inLists(
    listOf(
      objectOf({
        name: constant('purchase'),
        params: inLists(objectOf({ items: inLists(anyJson) })),
      }),
    ),
  ),
});
const segmentJson = objectOf({
  type: constant('track'),
  event: constant('Order Completed'),
  properties: inLists(objectOf({ products: inLists(anyJson) })),
});

const emptyOrders = (count: number) => Array.from({ length: count }, () => ({ items: [] }));

describe('a mapping of one’s own', () => {
  const yaml = `
    event:
      event_id: '{id}'
      event_type: { from: '{action}', map: { look: view, buy: purchase } }
      timestamp: '{at}'
      user_id: '{who.id}'
      product: { id: '{sku}', name: '{title}', price: ['{price}', '{list price}', 0] }
    nulls: ['NULL']
    time_zone: Europe/Berlin
    turn_away:
      - { when: '{sku}', one_of: [FEE], reason: a fee }`;
  const mine = only(ofYaml(yaml));
  const sent = { id: 7, action: 'buy', at: 1795428000, 'who.id': 'u', sku: 's', title: 'Lamp' };

  test('reads flat names with dots, words for nothing, defaults, and times in its zone', () => {
    expect(read({ ...sent, price: 'NULL' }, mine)).toMatchObject([
      { event: { event_id: '7', user_id: 'u', product: { price: 0 }, event_type: 'purchase' } },
    ]);
    const local = read({ ...sent, at: '2026-07-01 12:00:00', who: { id: 'nested' } }, mine);
    expect(local).toMatchObject([{ event: { timestamp: '2026-07-01T10:00:00.000Z' } }]);
    const mail = read({ ...sent, at: 'Wed, 1 Jul 2026 12:00:00 +0200' }, mine);
    expect(mail).toMatchObject([{ event: { timestamp: '2026-07-01T10:00:00.000Z' } }]);
  });

  test('refuses a list whose items would fill the memory with the rest of the record', () => {
    const rest = Object.fromEntries(Array.from({ length: 8000 }, (_, index) => [`m${index}`, 1]));
    const events = Array.from({ length: 3800 }, (_, aid) => ({
      aid,
      ts: 1795428000,
      type: 'clicks',
    }));
    const [otto, wide] = [readyMade('otto'), { session: 1, ...rest, events }];
    expect(read(wide, otto)).toMatchObject([
      { reason: 'too_large', message: expect.stringMatching(/3800 items.*at most 16777216/) },
    ]);
    expect(read({ session: 1, events }, otto)).toHaveLength(3800);
    expect(read({ ...wide, events: events.slice(0, 100) }, otto)).toHaveLength(100);
    // The rest differs from item to item.
    const note = 'x'.repeat(200_000);
    const orders = [{ items: [1] }, { note, items: Array.from({ length: 4000 }, () => 1) }];
    expect(read({ orders }, only(ofYaml(`${yaml}\n    each: '{orders.items}'`)))).toMatchObject([
      { reason: 'too_large', message: expect.stringMatching(/4001 items.*at most 16777216/) },
    ]);
  });

  test('refuses a list beside a nesting that could not be written again', () => {
    const [part, ...others] = read(null, readyMade('otto'), { value: nested(50_000) });
    expect(others).toEqual([]);
    expect(part).toMatchObject({
      piece: null,
      message: expect.stringMatching(/nesting of more than 32/),
    });
    expect(read(null, readyMade('otto'), { value: nested(30) })).toMatchObject([
      { message: expect.stringMatching(/got "nap" \(event_type/) },
    ]);
  });

  test('refuses lists in lists of any depth around its items', () => {
    const headers = { 'vectorstream.mapping': bytes('segment-orders') };
    for (const inner of ['', JSON.stringify(order.properties)]) {
      const lists = '['.repeat(100_000) + inner + ']'.repeat(100_000);
      const value = bytes(JSON.stringify({ ...order, properties: 0 }).replace('0}', `${lists}}`));
      expect(read(null, readyMade('segment-orders'), { value, headers })).toMatchObject([
        { reason: 'invalid_event', message: expect.stringMatching(/nesting of more than 32/) },
      ]);
    }
  });

  test('of any list of items ends in parts, whose bytes can be written', () => {
    const mappings = readyMade('otto', 'ga4-events', 'shopify-orders', 'segment-orders');
    fc.assert(
      fc.property(fc.oneof(ottoJson, googleJson, segmentJson), (text) => {
        for (const { piece, message } of read(null, mappings, { value: bytes(text) })) {
          expect(piece?.value().length).not.toBe(0);
          expect(message ?? '').not.toMatch(/bug/);
        }
      }),
    );
  });

  test('that fails itself refuses the value of a request, and throws nothing', () => {
    const record = { value: bytes('{}'), key: null, headers: {}, timestamp: eventNow };
    const position = { topic: 'shop', partition: 0, offset: 5 };
    const rules = { now: eventNow, limits: eventLimits, mappings: noMappings };
    const named: RecordMapping = {
      ...ofYaml(yaml),
      eventOf() {
        throw new TypeError('no items');
      },
    };
    expect(
      readByMapping({ record: { ...record, position }, rules, named, known: {}, changes: [] }),
    ).toMatchObject([
      { read: { reason: 'invalid_event', message: expect.stringMatching(/TypeError: no items/) } },
    ]);
  });

  test('takes each item out of lists in lists, by looking at every element once', () => {
    let seen = 0;
    const counted = <T extends object>(list: T): T =>
      new Proxy(list, {
        get(target, name) {
          if (typeof name === 'string' && /^\d+$/.test(name)) seen += 1;
          return Reflect.get(target, name);
        },
      });
    const mapping = ofYaml(`${yaml}\n    each: '{orders.items}'`);
    const itemsOf = (orders: readonly object[]) => {
      seen = 0;
      const value = { shop: 1, orders: counted(orders) };
      const places = mapping.placesOf(value, 5000);
      return typeof places === 'string' || places === null
        ? places
        : places.map((place) => mapping.itemAt(value, place));
    };
    const orders = [{ items: [1, [2]] }, { items: [] }, { id: 7 }, [{ items: [3] }]];
    expect(itemsOf(orders)).toEqual([
      { shop: 1, orders: { items: 1 } },
      { shop: 1, orders: { items: [2] } },
      { shop: 1, orders: { id: 7 } },
      { shop: 1, orders: { items: 3 } },
    ]);
    expect(mapping.placesOf({ orders: { items: 5 } }, 5000)).toBeNull();
    expect(itemsOf([...emptyOrders(40_000), { items: Array.from({ length: 4000 }) }])).toHaveLength(
      4000,
    );
    expect(seen).toBe(40_001 + 4000);
    expect(itemsOf(emptyOrders(200_000))).toBe('too-many-elements');
    expect(seen).toBe(50_001);
    expect(itemsOf(Array.from({ length: 200_000 }, () => ({})))).toBe('too-many-items');
    expect(seen).toBe(5001);
    const lists = { id: 7, orders: Array.from({ length: 60_000 }, () => []) };
    expect(read(lists, only(mapping))).toMatchObject([
      { reason: 'too_large', message: expect.stringMatching(/elements.*at most 50000/) },
    ]);
  });

  test('shows characters that steer a terminal as escapes', () => {
    const text = 'jump\u001b[2J\u009b1m\u202e';
    const [found] = read({ ...sent, action: text }, mine);
    expect(found?.message).toContain('"jump\\u001b[2J\\u009b1m\\u202e"');
  });

  test('reads prices in cents', () => {
    const cents = yaml.replace(
      `price: ['{price}', '{list price}', 0]`,
      `price: { multiply: ['{cents}', '0.01'] }`,
    );
    expect(read({ ...sent, cents: 1999 }, only(ofYaml(cents)))).toMatchObject([
      { event: { product: { price: 19.99 } } },
    ]);
  });

  test('passes over what a rule turns away, and refuses what it cannot read, by name', () => {
    expect(read({ ...sent, sku: 'FEE' }, mine)).toEqual([{ ignored: 'turned_away', piece: null }]);
    expect(read({ ...sent, action: 'jump' }, mine)).toMatchObject([
      { reason: 'invalid_event', message: expect.stringMatching(/got "jump".*event_type.*mine/) },
    ]);
  });

  test('keeps further members, whatever their names', () => {
    const extra = `${yaml}\n    extra: { reason: '{why}', detail: '{more}' }`;
    expect(
      read({ ...sent, price: 1, why: 'gift', more: 'red' }, only(ofYaml(extra))),
    ).toMatchObject([{ event: { event_id: '7', reason: 'gift', detail: 'red' } }]);
  });

  test("leaves an event in VectorStream's format as it is", () => {
    const own = {
      event_id: 'e',
      timestamp: '2026-11-23T03:19:38Z',
      user_id: 'u',
      event_type: 'view',
      session_id: 's',
      product: { id: 'p', name: 'Lamp', price: 1 },
    };
    expect(read(own, mine)).toMatchObject([{ event: own, changes: [] }]);
  });

  test('an item that it cannot read becomes a dead letter of its own, and can be replayed', () => {
    const mappings = readyMade('segment-orders');
    const [first, second] = order.properties.products;
    const broken = { ...order, properties: { products: [first, { ...second, name: '' }] } };
    const parts = read(broken, mappings);
    expect(parts).toMatchObject([
      { event: { product: { id: 'p1' } } },
      { reason: 'invalid_event' },
    ]);
    const letter = JSON.parse(new TextDecoder().decode(parts[1]?.piece?.value()));
    letter.properties.products.name = 'UNO';
    const headers = { 'vectorstream.piece': bytes('1') };
    const [again] = read(letter, mappings, { headers });
    expect(again?.event.event_id).toBe(read(order, mappings)[1]?.event.event_id);
  });

  test.each([
    ['a condition without a test', `${yaml}\n    applies_to: [{ when: '{a}' }]`, /exactly one of/],
    ['a list that is no name', `${yaml}\n    each: items`, /such as \{items\}/],
    ['an unknown member', `${yaml}\n    wen: 1`, /wen/],
  ])('%s is refused before anything is read', (_name, text, message) => {
    expect(() => ofYaml(text)).toThrow(message);
  });

  test('may be for one topic, or for a header, and read the key and the time of a record', () => {
    const kept = `
    applies_to:
      - { when: '{record:topic}', one_of: [shop] }
      - { when: '{header:kind}', matches: '^(look|buy)$' }
    event:
      event_type: { from: '{header:kind}', map: { look: view, buy: purchase } }
      timestamp: '{record:time}'
      user_id: '{record:key}'
      product: { id: '{sku}', name: '{title}', price: 0 }`;
    const ofRecord = only(ofYaml(kept));
    const value = { sku: 's', title: 'Lamp' };
    const record = { key: bytes('u-9'), headers: { kind: bytes('buy') } };
    expect(read(value, ofRecord, record)).toMatchObject([
      { event: { event_type: 'purchase', user_id: 'u-9', timestamp: expect.any(String) } },
    ]);
    const [other] = read(value, ofRecord, { ...record, headers: { kind: bytes('sit') } });
    expect(other?.message).toMatch(
      /closest mapping is mine: got "sit" in \{header:kind\}, allowed: a text that matches/,
    );
  });

  test('is read for a record whose header names it, even if another comes first', () => {
    const mappings = readyMade('segment');
    const headers = { 'vectorstream.mapping': bytes('segment-orders') };
    expect(read(order, mappings, { headers })).toMatchObject([
      { event: { event_type: 'purchase' } },
      { event: { event_type: 'purchase' } },
    ]);
    expect(read(segment, mappings, { headers })).toMatchObject([
      {
        message: expect.stringMatching(
          /got "Product Viewed" in \{event\}, allowed: Order Completed by the mapping/,
        ),
      },
    ]);
    headers['vectorstream.mapping'] = bytes('mine');
    expect(read(order, mappings, { headers })).toMatchObject([
      {
        message: expect.stringMatching(
          /got "mine" in the header vectorstream\.mapping, allowed: segment, /,
        ),
      },
    ]);
  });

  test('that is the closest to a record names what the record lacks', () => {
    const mappings = readyMade('snowplow', 'segment', 'segment-orders');
    const [found] = read({ ...segment, event: 'Page Viewed' }, mappings);
    expect(found?.message).toMatch(
      /closest mapping is segment: got "Page Viewed" in \{event\}, allowed: Product Viewed, /,
    );
  });

  test('has a name of its own', () => {
    expect(() => readyMade('segment', 'segment')).toThrow(/another mapping with the name segment/);
  });

  test('a file that is not there is named', () => {
    expect(() => readyMade('no-such-file.yaml')).toThrow(/events\.mappings: no-such-file\.yaml/);
  });
});
