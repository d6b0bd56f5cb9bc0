// Protobuf is read as another program writes it, by the .proto files of a registry, and within
// bounds whatever bytes and files are.

import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { SchemaInput, UnreadableBytes } from '#core/decode/schema-input.ts';
import { protobufReader, type ProtoFile } from '../../gateway/decode/proto-schema.ts';

const file = (text: string, name = 'event.proto'): ProtoFile => ({ name, text });
const read = (proto: ProtoFile, bytes: Uint8Array, imported: readonly ProtoFile[] = []): unknown =>
  protobufReader(proto, imported)(new SchemaInput(bytes));
const isReadOrRefused = (reading: () => unknown): boolean => {
  try {
    reading();
    return true;
  } catch (error) {
    return error instanceof UnreadableBytes;
  }
};
const json = (value: unknown) => JSON.stringify(value);

const common = file(
  'syntax = "proto3"; package shop; message Money { int64 units = 1; int32 nanos = 2; }',
  'common.proto',
);
const event = file(`syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "common.proto";
message Other { string text = 1; }
message Event {
  enum Kind { VIEW = 0; PURCHASE = 1; }
  message Product { string id = 1; float price = 2; optional double weight = 3; Product next = 4; }
  string event_id = 1;
  uint64 user_id = 2;
  Kind kind = 3;
  Product product = 4;
  repeated sint32 numbers = 5;
  repeated string tags = 6;
  map<string, int64> counts = 7;
  google.protobuf.Timestamp at = 8;
  google.protobuf.Int64Value known = 9;
  Money money = 10;
  bool is_new = 11;
  bytes raw = 12;
  fixed64 big = 13;
  sfixed32 small = 14;
  oneof who { string guest = 15; int64 customer = 16; }
}
`);

/** By the other program, behind the path to the message. */
function written(value: object, path: readonly number[], name = 'shop.Event'): Uint8Array {
  const root = new protobuf.Root();
  for (const type of ['timestamp', 'wrappers'])
    root.addJSON(protobuf.common.get(`google/protobuf/${type}.proto`)?.nested ?? {});
  for (const { text } of [common, event]) protobuf.parse(text, root, { keepCase: true });
  const type = root.resolveAll().lookupType(name);
  return Uint8Array.from([...path, ...type.encode(type.fromObject(value)).finish()]);
}

test('a message with every kind of field', () => {
  const bytes = written(
    {
      event_id: 'é',
      user_id: '18446744073709551615',
      kind: 'PURCHASE',
      product: { id: 'p', price: 19.9, next: { id: 'q' } },
      numbers: [-1, 2, 2_147_483_647],
      tags: ['a', 'b'],
      counts: { a: '-9223372036854775808', b: 2 },
      at: { seconds: 1_795_428_000, nanos: 5_000_000 },
      known: { value: 0 },
      money: { units: 3 },
      is_new: true,
      raw: Buffer.from([0, 255]),
      big: '9007199254740993',
      small: -5,
      customer: 7,
    },
    [2, 2],
  );
  expect(json(read(event, bytes, [common]))).toBe(
    '{"event_id":"é","user_id":18446744073709551615,"kind":"PURCHASE",' +
      '"product":{"id":"p","price":19.9,"next":{"id":"q"}},"numbers":[-1,2,2147483647],' +
      '"tags":["a","b"],"counts":{"a":-9223372036854775808,"b":2},' +
      '"at":"2026-11-23T10:00:00.005000000Z","known":0,"money":{"units":3},"is_new":true,' +
      '"raw":"AP8=","big":9007199254740993,"small":-5,"customer":7}',
  );
});

test('the path names the message: the first one, another one, and one within another', () => {
  expect(read(event, Uint8Array.of(0, 10, 1, 0x61), [common])).toEqual({ text: 'a' });
  expect(read(event, Uint8Array.of(2, 2, 10, 1, 0x61), [common])).toEqual({
    event_id: 'a',
    kind: 'VIEW',
  });
  expect(read(event, Uint8Array.of(4, 2, 0, 10, 1, 0x61), [common])).toEqual({ id: 'a' });
});

test('an enum that is not written has its first name; unknown fields are passed over', () => {
  const later = [0xfa, 0x3f, 1, 1, 0xf0, 0x3f, 5, 0xf9, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8];
  expect(read(event, Uint8Array.of(2, 2, ...later), [common])).toEqual({ kind: 'VIEW' });
});

test('numbers in a list are read one by one too, and a map may have any key', () => {
  expect(read(event, Uint8Array.of(2, 2, 40, 1, 40, 2), [common])).toMatchObject({
    numbers: [-1, 1],
  });
  const entry = [10, 9, ...new TextEncoder().encode('__proto__'), 16, 1];
  const bytes = Uint8Array.of(2, 2, 58, entry.length, ...entry);
  expect(json(read(event, bytes, [common]))).toBe('{"counts":{"__proto__":1},"kind":"VIEW"}');
});

describe('bytes that are no message', () => {
  const deep = Array.from({ length: 80 }).reduce<object>((next) => ({ next }), {});
  test.each<[string, readonly number[], RegExp]>([
    ['breaks off', [2, 2, 10, 5, 0x61], /end too early/],
    ['a path to nowhere', [2, 9], /no such message/],
    ['a path of 99 places', [198, 1], /99 places/],
    ['another type than its field has', [2, 2, 8, 1], /event_id has the wire type 0/],
    ['a group', [2, 2, 0xfb, 0x3f], /wire type 3/],
    ['a field longer than its message', [2, 2, 34, 1, 10, 1, 0x61], /longer than its message/],
    ['a size beyond all bounds', [2, 2, 10, ...Array(9).fill(0xff), 1], /end too early/],
    ['a text that is not UTF-8', [2, 2, 10, 1, 0xff], /not UTF-8/],
    ['nested too deep', [...written(deep, [4, 2, 0], 'shop.Event.Product')], /deeper than 64/],
  ])('%s', (_, bytes, message) => {
    expect(() => read(event, Uint8Array.from(bytes), [common])).toThrow(message);
    expect(() => read(event, Uint8Array.from(bytes), [common])).toThrow(UnreadableBytes);
  });

  test('no bytes make anything else than a value or a refusal', () => {
    const reader = protobufReader(event, [common]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const input = new SchemaInput(Uint8Array.of(2, 2, ...bytes));
        expect(isReadOrRefused(() => reader(input))).toBe(true);
      }),
    );
  });
});

describe('files that cannot be used', () => {
  test.each<[string, ProtoFile, RegExp]>([
    ['no .proto at all', file('{"type":"record"}'), /illegal token/],
    ['a type that is not there', file('syntax="proto3"; message A { B b = 1; }'), /no such/],
    [
      'a reserved name',
      file('syntax="proto3"; message A { string constructor = 1; }'),
      /reserved name constructor/,
    ],
    [
      'a reserved name in a message within another',
      file('syntax="proto3"; message A { message B { string a = 1; string toString = 2; } }'),
      /reserved name toString/,
    ],
  ])('%s', (_, proto, message) => {
    expect(() => protobufReader(proto, [])).toThrow(message);
  });
});
