// Every kind of record that the topics of shops hold, and how each must end: its events stored,
// passed over, or turned away with a reason that says what to write.

import { gzipSync } from 'node:zlib';

export type RecordKind = {
  readonly name: string;
  readonly key: Uint8Array | null;
  /** `null` is a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, Uint8Array | null>>;
  /** How many events are stored; why nothing is; or the reason of its dead letter. */
  readonly end: number | 'ignored' | RegExp;
};

/** The mappings that the settings must name. */
export const kindMappings = ['segment', 'segment-orders', 'ga4-events', 'ga4-bigquery', 'snowplow'];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const joined = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...(typeof part === 'string' ? bytes(part) : part)]));
const json = JSON.stringify;

let number = 0;
/** Another event in VectorStream's event format at each call. */
const own = (change: object = {}): object => {
  number += 1;
  return {
    event_id: `kind-${number}`,
    timestamp: '2026-05-01T10:00:00Z',
    user_id: 'u-1',
    event_type: 'view',
    session_id: 's-1',
    product: { id: `p-${number}`, name: `Copper lamp ${number}`, category: 'Home', price: 10.5 },
    ...change,
  };
};
const without = (name: string): object =>
  Object.fromEntries(Object.entries(own()).filter(([member]) => member !== name));

type Sent = Partial<Pick<RecordKind, 'key' | 'headers'>>;
const kind = (
  name: string,
  value: Uint8Array | string | object | null,
  end: RecordKind['end'],
  sent: Sent = {},
): RecordKind => ({
  name,
  key: bytes('k'),
  headers: {},
  value:
    value === null || value instanceof Uint8Array
      ? value
      : bytes(typeof value === 'string' ? value : json(value)),
  end,
  ...sent,
});

const headers = (texts: Readonly<Record<string, string>>): RecordKind['headers'] =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, bytes(text)]));
const cloudEvent = headers({
  ce_specversion: '1.0',
  ce_id: 'c-20',
  ce_source: '/shop',
  ce_type: 'view',
  ce_time: '2026-05-01T10:00:00Z',
});
const source = { connector: 'mysql', db: 'shop', table: 'events' };
const track = {
  type: 'track',
  event: 'Product Viewed',
  messageId: 'a-1',
  userId: 'u-1',
  timestamp: '2026-05-01T10:00:00Z',
  properties: { product_id: 'p', name: 'Board game', price: 18.99 },
};
const item = { item_id: 'S', item_name: 'Tee', item_category: 'Apparel', price: 10, quantity: 3 };
const snowplow = {
  app_id: 'shop',
  event_id: 'cf917de9-3a92-4dd7-aa43-f1f85539a527',
  collector_tstamp: '2026-05-01T10:00:00Z',
  user_id: 'u-1',
  unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1: {
    type: 'product_view',
  },
  contexts_com_snowplowanalytics_snowplow_ecommerce_product_1: [
    { id: 'p', name: 'Stool', category: 'Home', price: 10 },
  ],
};
const product = (change: object): object => ({ id: 'p', name: 'Lamp', ...change });

export const recordKinds: readonly RecordKind[] = [
  kind("VectorStream's event format", own(), 1, { key: null }),
  kind('a null value', null, 'ignored'),
  kind('a null value without a key', null, 'ignored', { key: null }),
  kind('an empty value', '', /an empty value/),
  kind('JSON with a schema id', joined([0, 0, 0, 0, 42], json(own())), 1),
  kind('Avro with a schema id', joined([0, 0, 0, 0, 7, 10], 'k-3', [4], 'u1'), /Avro.*schema id 7/),
  kind(
    'Protobuf with a schema id',
    joined([0, 0, 0, 0, 8, 0, 10, 6], 'kind-4', [18, 2], 'u1'),
    /Protobuf.*schema id 8/,
  ),
  kind('Avro', joined([12], 'kind-5', [40], '2026', [4], 'u1'), /Avro without a schema id/),
  kind('a byte-order mark', `\ufeff${json(own())}`, 1),
  kind('UTF-16', Uint8Array.from(Buffer.from(`\ufeff${json(own())}`, 'utf16le')), /UTF-16/),
  kind('two lines', `${json(own())}\n${json(own())}`, 2),
  kind('an array', [own(), own()], 2),
  kind('gzip', Uint8Array.from(gzipSync(json(own()))), /gzip.*compression\.type/),
  kind('JSON in JSON', json(json(own())), 1),
  kind('Debezium', { schema: {}, payload: { before: null, after: own(), source, op: 'c' } }, 1),
  kind('Debezium without a schema', { before: null, after: own(), source, op: 'u' }, 1),
  kind('Debezium, unwrapped', own({ __op: 'c', __deleted: 'false' }), 1),
  kind('a delete of Debezium', { before: own(), after: null, source, op: 'd' }, 'ignored'),
  kind('Kafka Connect', { schema: { type: 'struct' }, payload: own() }, 1),
  kind('a structured CloudEvent', { specversion: '1.0', id: 'c-1', source: '/', data: own() }, 1),
  kind('a binary CloudEvent', without('timestamp'), 1, { headers: cloudEvent }),
  kind('a binary CloudEvent with all members', own(), 1, { headers: cloudEvent }),
  kind('Segment, a product', track, 1),
  kind(
    'Segment, an order',
    {
      ...track,
      event: 'Order Completed',
      messageId: 'a-2',
      properties: {
        products: [
          { product_id: 'p1', name: 'Board game', price: 19, quantity: 1 },
          { product_id: 'p2', name: 'Cards', price: 3, quantity: 2 },
        ],
      },
    },
    2,
  ),
  kind('Segment, a page', { ...track, event: 'Page Viewed' }, /closest mapping is segment.*Page V/),
  kind(
    'GA4, the Measurement Protocol',
    {
      client_id: '1.2',
      timestamp_micros: 1_777_600_000_000_000,
      events: [{ name: 'view_item', params: { items: [item] } }],
    },
    1,
  ),
  kind(
    'GA4, a row of BigQuery',
    {
      event_timestamp: 1_777_600_000_000_000,
      event_name: 'purchase',
      user_pseudo_id: '1.2',
      items: [item],
    },
    1,
  ),
  kind('Snowplow, TSV', 'shop\tweb\t2026-01-01 00:00:00.000\t\tstruct', /tab-separated/),
  kind('Snowplow, JSON', snowplow, 1),
  kind(
    'camel case',
    {
      eventId: 'camel',
      timestamp: '2026-05-01T10:00:00Z',
      userId: 'u-1',
      eventType: 'view',
      sessionId: 's-1',
      product: product({ price: 1 }),
    },
    1,
  ),
  kind('a time in milliseconds', own({ timestamp: 1_777_600_000_000 }), 1),
  kind('the same as text', own({ timestamp: '1777600000000' }), 1),
  kind('a time without an offset', own({ timestamp: '2026-05-01T10:00:00' }), 1),
  kind('a time of SQL', own({ timestamp: '2026-05-01 10:00:00' }), 1),
  kind('a numeric id', own({ user_id: 12_345 }), 1),
  kind('a price as text', own({ product: product({ price: '19.99' }) }), 1),
  kind('no price', own({ product: product({}) }), /product\.price: got nothing, allowed/),
  kind('another type', own({ event_type: 'page_view' }), /event_type: got "page_view", allowed/),
  kind('a type in capitals', own({ event_type: 'VIEW' }), 1),
  kind('no session', without('session_id'), 1),
  kind('no id', without('event_id'), 1),
  kind('XML', '<event><id>1</id></event>', /XML, allowed: JSON/),
  kind('MessagePack that breaks off', joined([0x86, 0xa8], 'event_id', [0xa6], 'k'), /MessagePack/),
  kind('NaN', json(own()).replace('10.5', 'NaN'), /NaN.*allowed: a number, or null/),
  kind('a key that is not text', own(), 1, { key: Uint8Array.of(0xff, 0xfe, 0) }),
  kind('a header without a value', own(), 1, { headers: { x: null, trace: bytes('abc') } }),
  kind('the last one', own(), 1),
];

const endsOf = (ends: (end: RecordKind['end']) => boolean): readonly RecordKind[] =>
  recordKinds.filter(({ end }) => ends(end));
export const refusedKinds = endsOf((end) => end instanceof RegExp);
export const eventsOfKinds = recordKinds.reduce(
  (sum, { end }) => sum + (typeof end === 'number' ? end : 0),
  0,
);

/** The kinds that end otherwise than they should, by the messages of all dead letters. */
export function unexplained(messages: readonly string[]): readonly string[] {
  return refusedKinds
    .filter(({ end }) => !messages.some((message) => end instanceof RegExp && end.test(message)))
    .map(({ name }) => name);
}
