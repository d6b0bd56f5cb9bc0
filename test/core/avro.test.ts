// Avro is read as another program writes it, exactly, and within bounds whatever bytes and schema
// are.

import avsc from 'avsc';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { avroReader, InvalidSchema } from '#core/decode/avro.ts';
import { SchemaInput, UnreadableBytes } from '#core/decode/schema-input.ts';

const read = (schema: unknown, bytes: Uint8Array): unknown => {
  const input = new SchemaInput(bytes);
  const value = avroReader(schema, new Map())(input);
  input.expectEnd();
  return value;
};
/** 64-bit numbers of the other program as bigints. */
// oxlint-disable-next-line no-underscore-dangle -- its name
const long = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});
const typeOf = (schema: avsc.Schema) =>
  schema === 'long' ? long : avsc.Type.forSchema(schema, { registry: { long } });
/** The other program's types allow no lists that cannot be changed. */
const plain = (schema: object): avsc.Schema => JSON.parse(JSON.stringify(schema));
const written = (schema: avsc.Schema, value: unknown) => typeOf(schema).toBuffer(value);
const isReadOrRefused = (reading: () => unknown): boolean => {
  try {
    reading();
    return true;
  } catch (error) {
    return error instanceof UnreadableBytes;
  }
};
const json = (value: unknown) => JSON.stringify(value);

const event = {
  type: 'record',
  name: 'Event',
  namespace: 'shop',
  fields: [
    { name: 'event_id', type: 'string' },
    { name: 'user_id', type: 'long' },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['view', 'purchase'] } },
    { name: 'price', type: 'float' },
    { name: 'note', type: ['null', 'string'] },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'counts', type: { type: 'map', values: 'int' } },
    { name: 'inner', type: ['null', 'Event'] },
  ],
} as const;

test('records, unions, enums, lists, maps and types that contain themselves', () => {
  const inner = {
    event_id: 'é',
    user_id: 1n,
    kind: 'purchase',
    price: 19.9,
    note: null,
    tags: [],
    counts: {},
    inner: null,
  };
  const outer = {
    ...inner,
    user_id: 2_103_807_459_595_387_724n,
    note: 'n',
    tags: ['a', 'b'],
    counts: { a: -1, b: 2_147_483_647 },
    inner,
  };
  expect(json(read(event, written(plain(event), outer)))).toBe(
    '{"event_id":"é","user_id":2103807459595387724,"kind":"purchase","price":19.9,"note":"n",' +
      '"tags":["a","b"],"counts":{"a":-1,"b":2147483647},"inner":{"event_id":"é","user_id":1,' +
      '"kind":"purchase","price":19.9,"note":null,"tags":[],"counts":{},"inner":null}}',
  );
});

const expectDigits = (value: bigint) => {
  expect(json(read('long', written('long', value)))).toBe(String(value));
};

// oxlint-disable-next-line vitest/expect-expect -- each number is expected
test('every 64-bit number keeps its digits', () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), expectDigits));
  for (const value of [0n, -1n, 2n ** 48n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)])
    expectDigits(value);
});

test('every double, and each float in its shortest form', () => {
  const finite = { noNaN: true, noDefaultInfinity: true };
  fc.assert(
    fc.property(fc.double(finite), (value) => {
      expect(read('double', written('double', value))).toBe(value);
    }),
  );
  fc.assert(
    fc.property(fc.float(finite), (value) => {
      // JSON has no -0.
      expect(Math.fround(Number(read('float', written('float', value))))).toBe(value + 0);
    }),
  );
  expect(read('float', written('float', 19.9))).toBe(19.9);
});

const logical = (type: string, logicalType: string) => ({ type, logicalType });
const decimal = (scale: number) => ({ ...logical('bytes', 'decimal'), precision: 30, scale });
const isoOf = (fraction: string) => `"2026-11-23T10:00:00${fraction}"`;

describe('logical types', () => {
  const time = 1_795_428_000_123_456_789n;
  test.each<[string, { readonly type: string }, unknown, string]>([
    ['milliseconds', logical('long', 'timestamp-millis'), time / 1_000_000n, isoOf('.123Z')],
    ['microseconds', logical('long', 'timestamp-micros'), time / 1_000n, isoOf('.123456Z')],
    ['nanoseconds', logical('long', 'timestamp-nanos'), time, isoOf('.123456789Z')],
    ['local', logical('long', 'local-timestamp-millis'), time / 1_000_000n, isoOf('.123')],
    ['before 1970', logical('long', 'timestamp-millis'), -1n, '"1969-12-31T23:59:59.999Z"'],
    ['no date', logical('long', 'timestamp-micros'), 2n ** 62n, '4611686018427387904'],
    ['a day', logical('int', 'date'), 20_780, '"2026-11-23"'],
    ['a decimal', decimal(2), Buffer.from([0x07, 0xc6]), '19.9'],
    ['a negative decimal', decimal(3), Buffer.from([0xff]), '-0.001'],
    [
      'a long decimal',
      decimal(4),
      Buffer.from('00ffffffffffffffff', 'hex'),
      '1844674407370955.1615',
    ],
    ['a whole decimal', decimal(0), Buffer.from([5]), '5'],
    ['an empty decimal', decimal(2), Buffer.from([]), '0'],
    ['a UUID as text', logical('string', 'uuid'), 'a-b', '"a-b"'],
    ['an unknown one', logical('long', 'local-time-of-mars'), 7n, '7'],
  ])('%s', (_, schema, value, expected) => {
    expect(json(read(schema, written(schema.type, value)))).toBe(expected);
  });

  test('a UUID in sixteen bytes', () => {
    const schema = { type: 'fixed', name: 'Id', size: 16, logicalType: 'uuid' };
    const bytes = Uint8Array.from({ length: 16 }, (_, at) => at * 17);
    expect(read(schema, bytes)).toBe('00112233-4455-6677-8899-aabbccddeeff');
  });
});

test('bytes and fixed are Base64', () => {
  expect(read('bytes', written('bytes', Buffer.from([0, 255])))).toBe('AP8=');
  expect(read({ type: 'fixed', name: 'F', size: 2 }, Uint8Array.of(0, 255))).toBe('AP8=');
});

test('a type of another schema is found by its full name', () => {
  const names = new Map();
  avroReader({ type: 'enum', name: 'Kind', namespace: 'common', symbols: ['view'] }, names);
  const fields = [{ name: 'kind', type: 'common.Kind' }];
  const reader = avroReader({ type: 'record', name: 'shop.Event', fields }, names);
  expect(reader(new SchemaInput(Uint8Array.of(0)))).toEqual({ kind: 'view' });
});

describe('bytes that are no value of the schema', () => {
  const nulls = { type: 'array', items: 'null' };
  const long9 = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
  const wide = {
    type: 'record',
    name: 'W',
    fields: [{ name: 'n'.repeat(100_000), type: 'null' }],
  };
  const itself = { type: 'record', name: 'I', fields: [{ name: 'a', type: 'I' }] };
  const twice = {
    type: 'record',
    name: 'T',
    fields: ['a', 'b'].map((name) => ({ name, type: ['null', 'T'] })),
  };
  test.each<[string, unknown, readonly number[], RegExp]>([
    ['breaks off', 'double', [1, 2], /end too early/],
    ['goes on', 'int', [2, 2], /1 bytes are left over/],
    ['a text longer than the record', 'string', long9, /end too early/],
    ['a text of a negative length', 'string', [1], /end too early/],
    ['a text that is not UTF-8', 'string', [2, 0xff], /not UTF-8/],
    ['a number without an end', 'long', Array(12).fill(0xff), /more than 64 bits/],
    ['a branch that is not there', ['null', 'int'], [4], /no such branch/],
    ['a negative branch', ['null', 'int'], [1], /no such branch/],
    [
      'a symbol that is not there',
      { type: 'enum', name: 'E', symbols: ['a'] },
      [2],
      /no such symbol/,
    ],
    ['a million of items without bytes', nulls, [...long9, 0], /more than \d+ characters/],
    ['a block of a negative count', nulls, [1, ...long9], /end too early/],
    ['long names again and again', { type: 'array', items: wide }, [200, 1, 0], /characters/],
    ['a record within itself', itself, [], /deeper than 64/],
    ['a deep list', twice, Array(1_000).fill(2), /deeper than 64/],
  ])('%s', (_, schema, bytes, message) => {
    expect(() => read(schema, Uint8Array.from(bytes))).toThrow(message);
    expect(() => read(schema, Uint8Array.from(bytes))).toThrow(UnreadableBytes);
  });

  test('no bytes make anything else than a value or a refusal', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(isReadOrRefused(() => read(event, bytes))).toBe(true);
      }),
    );
  });
});

test('a map may have any key, which changes no prototype', () => {
  const bytes = written({ type: 'map', values: 'int' }, JSON.parse('{"__proto__":1}'));
  expect(json(read({ type: 'map', values: 'int' }, bytes))).toBe('{"__proto__":1}');
});

describe('a schema that cannot be used', () => {
  const deep = Array.from({ length: 100 }).reduce<unknown>((inner) => [inner], 'int');
  test.each<[string, unknown, RegExp]>([
    ['an unknown type', 'lamp', /no type lamp/],
    ['no type at all', 7, /neither a name, a list nor an object/],
    ['a record without fields', { type: 'record', name: 'R' }, /no list of fields/],
    ['a type without a name', { type: 'enum', symbols: [] }, /no name/],
    ['a negative size', { type: 'fixed', name: 'F', size: -1 }, /size is not a whole number/],
    [
      'a scale beyond all bounds',
      { type: 'bytes', logicalType: 'decimal', scale: 1e9 },
      /scale is not a whole number/,
    ],
    [
      'a reserved name',
      { type: 'record', name: 'R', fields: [{ name: '__proto__', type: 'int' }] },
      /reserved name/,
    ],
    ['one nested too deep', deep, /deeper than 64/],
  ])('%s', (_, schema, message) => {
    expect(() => avroReader(schema, new Map())).toThrow(message);
    expect(() => avroReader(schema, new Map())).toThrow(InvalidSchema);
  });
});
