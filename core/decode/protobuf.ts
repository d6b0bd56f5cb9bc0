// Reads a message in Protobuf's wire format (protobuf.dev/programming-guides/encoding) as JSON, by
// a description of its fields.

import {
  base64,
  dateTimeOf,
  exactly,
  type SchemaInput,
  shortestFloat,
  UnreadableBytes,
} from './schema-input.ts';

export type ProtobufMessage = {
  /** With its package: `google.protobuf.Timestamp`. */
  readonly name: string;
  /** By number. A message may contain itself. */
  readonly fields: ReadonlyMap<number, ProtobufField>;
};

export type ProtobufField = {
  readonly name: string;
  readonly form: 'one' | 'list' | 'map';
  /** Of a map, a message with the fields 1 (key) and 2 (value). */
  readonly type: ScalarName | { readonly names: EnumNames } | { readonly message: ProtobufMessage };
  /** Whether the value 0 is not written: absent means the name of 0. Only an enum has one. */
  readonly isZeroAbsent: boolean;
};
type EnumNames = ReadonlyMap<number, string>;

type Scalar = (input: SchemaInput) => unknown;
const signed = (value: number | bigint): number | bigint =>
  typeof value === 'number' ? value : BigInt.asIntN(64, value);

const varints = {
  int32: (input) => exactly(signed(input.varint())),
  int64: (input) => exactly(signed(input.varint())),
  uint32: (input) => exactly(input.varint()),
  uint64: (input) => exactly(input.varint()),
  sint32: (input) => exactly(input.zigzag()),
  sint64: (input) => exactly(input.zigzag()),
  bool: (input) => Number(input.varint()) !== 0,
} as const satisfies Record<string, Scalar>;
const eightBytes = {
  fixed64: (input) => exactly(input.view.getBigUint64(input.take(8), true)),
  sfixed64: (input) => exactly(input.view.getBigInt64(input.take(8), true)),
  double: (input) => input.view.getFloat64(input.take(8), true),
} as const satisfies Record<string, Scalar>;
const fourBytes = {
  fixed32: (input) => input.view.getUint32(input.take(4), true),
  sfixed32: (input) => input.view.getInt32(input.take(4), true),
  float: (input) => shortestFloat(input.view.getFloat32(input.take(4), true)),
} as const satisfies Record<string, Scalar>;
const sized = {
  string: (input) => input.text(sizeOf(input)),
  bytes: (input) => base64(input.slice(sizeOf(input))),
} as const satisfies Record<string, Scalar>;
const scalars = { ...varints, ...eightBytes, ...fourBytes, ...sized };

export type ScalarName = keyof typeof scalars;
export const isScalar = (name: string): name is ScalarName => Object.hasOwn(scalars, name);

/** How the bytes of a field end. Types 3 and 4 are the ends of a group. */
const wireTypes = { varint: 0, eightBytes: 1, sized: 2, group: 3, fourBytes: 5 } as const;
const wireTypeOf = ({ type }: ProtobufField): number => {
  if (typeof type !== 'string') return 'names' in type ? wireTypes.varint : wireTypes.sized;
  if (type in varints) return wireTypes.varint;
  if (type in eightBytes) return wireTypes.eightBytes;
  return type in fourBytes ? wireTypes.fourBytes : wireTypes.sized;
};

const sizeOf = (input: SchemaInput): number => Number(input.varint());

/** @throws UnreadableBytes */
export const readProtobuf = (message: ProtobufMessage, input: SchemaInput): unknown =>
  messageUntil(input.bytes.length, message, input);

function messageUntil(end: number, message: ProtobufMessage, input: SchemaInput): unknown {
  const value: Record<string, unknown> = {};
  input.enter(4);
  while (input.at < end) {
    const tag = Number(input.varint());
    const field = message.fields.get(Math.floor(tag / 8));
    if (field === undefined) skip(tag % 8, input);
    else read(field, tag % 8, value, input);
  }
  input.leave();
  if (input.at !== end) throw new UnreadableBytes('a field is longer than its message');
  for (const { name, isZeroAbsent, type } of message.fields.values())
    if (isZeroAbsent && typeof type === 'object' && 'names' in type && value[name] === undefined)
      value[name] = type.names.get(0);
  return wellKnown(message.name, value);
}

function read(
  field: ProtobufField,
  wireType: number,
  value: Record<string, unknown>,
  input: SchemaInput,
): void {
  const { name, form } = field;
  const own = wireTypeOf(field);
  const isPacked = form === 'list' && wireType === wireTypes.sized && own !== wireTypes.sized;
  if (!isPacked && wireType !== own)
    throw new UnreadableBytes(`the field ${name} has the wire type ${wireType}`);
  input.spend(name.length + 4);
  if (form === 'one') value[name] = one(field, input);
  else if (form === 'map') addEntry((value[name] ??= {}), one(field, input));
  else {
    const items = listOf(value, name);
    if (!isPacked) items.push(one(field, input));
    else for (const end = sizeOf(input) + input.at; input.at < end;) items.push(one(field, input));
  }
}

function listOf(value: Record<string, unknown>, name: string): unknown[] {
  const items = value[name];
  if (Array.isArray(items)) return items;
  const first: unknown[] = [];
  value[name] = first;
  return first;
}

/** The key may be absent, which is the empty text or 0. */
function addEntry(map: unknown, pair: unknown): void {
  const { key = '', value = null } = Object(pair);
  // A plain assignment of the key __proto__ would change the map itself.
  Object.defineProperty(map, String(key), {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function one({ type }: ProtobufField, input: SchemaInput): unknown {
  if (typeof type === 'string') return scalars[type](input);
  if ('message' in type) {
    const size = sizeOf(input);
    return messageUntil(input.at + size, type.message, input);
  }
  const number = Number(signed(input.varint()));
  const symbol = type.names.get(number);
  input.spend(symbol?.length ?? 0);
  return symbol ?? number;
}

function skip(wireType: number, input: SchemaInput): void {
  if (wireType === wireTypes.varint) input.varint();
  else if (wireType === wireTypes.eightBytes) input.take(8);
  else if (wireType === wireTypes.fourBytes) input.take(4);
  else if (wireType === wireTypes.sized) input.take(sizeOf(input));
  else throw new UnreadableBytes(`a field has the wire type ${wireType}`);
}

/** Google's types for a time and for a value that may be absent. */
function wellKnown(name: string, value: Readonly<Record<string, unknown>>): unknown {
  if (!name.startsWith('google.protobuf.')) return value;
  if (name === 'google.protobuf.Timestamp') {
    const { seconds = 0, nanos = 0 } = value;
    return typeof seconds === 'number' && typeof nanos === 'number'
      ? dateTimeOf(BigInt(seconds) * 1_000_000_000n + BigInt(nanos), 9, 'Z')
      : value;
  }
  const wrapped = wrappers.get(name.slice('google.protobuf.'.length));
  return wrapped === undefined ? value : (value['value'] ?? wrapped);
}

/** The value that a wrapper has when it is empty. */
const wrappers: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32'].map((type): [string, unknown] => [
    `${type}Value`,
    0,
  ]),
  ['BoolValue', false],
  ['StringValue', ''],
  ['BytesValue', ''],
]);

/** The path to a message in its file: a count and places, or a zero for the first message. */
export function messagePath(input: SchemaInput): readonly number[] {
  const count = Number(input.zigzag());
  if (count === 0) return [0];
  if (!(count > 0 && count <= pathMax))
    throw new UnreadableBytes(`the path to its message has ${count} places`);
  return Array.from({ length: count }, () => Number(input.zigzag()));
}

const pathMax = 32;
