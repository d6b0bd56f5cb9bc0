// Reads a value in Avro's binary encoding by the schema with which it was written, as its
// specification (avro.apache.org/docs/1.12.0/specification) describes both.
//
// It is read here and not with a package, because neither schema nor bytes can be trusted: a count
// in three bytes must not make a list of a billion items, no schema may become code, and each digit
// of a number must stay.

import { isMembers, type Members, parseExactly } from '#core/event/exact-json.ts';
import {
  base64,
  dateTimeOf,
  exactly,
  type SchemaInput,
  shortestFloat,
  UnreadableBytes,
} from './schema-input.ts';

/** Reads one value of a type, as JSON: numbers keep their digits, bytes are Base64. */
export type AvroReader = (input: SchemaInput) => unknown;
/** Readers by full name; of a type that contains itself, also while it is made. */
export type AvroNames = Map<string, { read: AvroReader | null }>;

/** A schema that is invalid, or beyond the bounds here. The message says what is wrong. */
export class InvalidSchema extends Error {
  override readonly name = 'InvalidSchema';
}

type Place = { readonly names: AvroNames; readonly namespace: string; readonly depth: number };

const depthMax = 64;
const scaleMax = 100;
const decimalBytesMax = 128;

/**
 * @param schema parsed JSON
 * @param names of schemas that this one refers to; its own are added
 * @throws InvalidSchema
 */
export const avroReader = (schema: unknown, names: AvroNames): AvroReader =>
  readerOf(schema, { names, namespace: '', depth: 0 });

function readerOf(schema: unknown, { depth, ...place }: Place): AvroReader {
  if (depth > depthMax) throw new InvalidSchema(`it is nested deeper than ${depthMax} levels`);
  const inner = { ...place, depth: depth + 1 };
  if (typeof schema === 'string') return primitives.get(schema) ?? named(schema, inner);
  if (Array.isArray(schema)) return unionOf(schema, inner);
  if (!isMembers(schema)) throw new InvalidSchema('a type is neither a name, a list nor an object');
  const { type } = schema;
  if (type === 'record' || type === 'error') return recordOf(schema, inner);
  if (type === 'enum') return enumOf(schema, inner);
  if (type === 'fixed') return fixedOf(schema, inner);
  if (type === 'array') return arrayOf(readerOf(schema['items'], inner));
  if (type === 'map') return mapOf(readerOf(schema['values'], inner));
  return logicalOf(schema) ?? readerOf(type, inner);
}

const whole: AvroReader = (input) => exactly(input.zigzag());
const size = (input: SchemaInput): number => Number(input.zigzag());
const bytes: AvroReader = (input) => base64(input.slice(size(input)));

const primitives: ReadonlyMap<string, AvroReader> = new Map<string, AvroReader>([
  ['null', () => null],
  ['boolean', (input) => input.byte() !== 0],
  ['int', whole],
  ['long', whole],
  ['float', (input) => shortestFloat(input.view.getFloat32(input.take(4), true))],
  ['double', (input) => input.view.getFloat64(input.take(8), true)],
  ['bytes', bytes],
  ['string', (input) => input.text(size(input))],
]);

function named(name: string, { names, namespace }: Place): AvroReader {
  const entry = names.get(fullName(name, namespace)) ?? names.get(name);
  if (entry === undefined) throw new InvalidSchema(`it has no type ${name.slice(0, 100)}`);
  return entry.read ?? ((input) => entry.read?.(input));
}

const fullName = (name: string, namespace: string): string =>
  name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;

/** Names the type before its reader is made, because it may contain itself. */
function define(
  schema: Members,
  place: Place,
  readerIn: (namespace: string) => AvroReader,
): AvroReader {
  const name = textOf(schema, 'name');
  const own = typeof schema['namespace'] === 'string' ? schema['namespace'] : place.namespace;
  const full = fullName(name, own);
  const entry: { read: AvroReader | null } = { read: null };
  place.names.set(full, entry);
  const read = readerIn(full.includes('.') ? full.slice(0, full.lastIndexOf('.')) : '');
  entry.read = read;
  return read;
}

function recordOf(schema: Members, place: Place): AvroReader {
  return define(schema, place, (namespace) => {
    const fields = listOf(schema, 'fields').map((field) => {
      if (!isMembers(field)) throw new InvalidSchema('a field is no object');
      const name = textOf(field, 'name');
      if (name === '__proto__') throw new InvalidSchema('a field has the reserved name __proto__');
      return { name, read: readerOf(field['type'], { ...place, namespace }) };
    });
    const characters = fields.reduce((sum, { name }) => sum + name.length + 4, 4);
    return (input) => {
      input.enter(characters);
      const record: Record<string, unknown> = {};
      for (const { name, read } of fields) record[name] = read(input);
      input.leave();
      return record;
    };
  });
}

function enumOf(schema: Members, place: Place): AvroReader {
  const symbols = listOf(schema, 'symbols').map(String);
  return define(schema, place, () => (input) => {
    const symbol = symbols[size(input)];
    if (symbol === undefined) throw new UnreadableBytes('an enum has no such symbol');
    input.spend(symbol.length);
    return symbol;
  });
}

function fixedOf(schema: Members, place: Place): AvroReader {
  const count = wholeOf(schema, 'size', Number.MAX_SAFE_INTEGER);
  const { logicalType } = schema;
  return define(schema, place, () => {
    if (logicalType === 'decimal') return decimalOf(schema, () => count);
    if (logicalType === 'uuid' && count === 16) return (input) => uuidOf(input.slice(count));
    return (input) => base64(input.slice(count));
  });
}

function unionOf(branches: readonly unknown[], place: Place): AvroReader {
  const readers = branches.map((branch) => readerOf(branch, place));
  return (input) => {
    const read = readers[size(input)];
    if (read === undefined) throw new UnreadableBytes('a union has no such branch');
    return read(input);
  };
}

function arrayOf(item: AvroReader): AvroReader {
  return (input) => {
    const items: unknown[] = [];
    eachOf(input, () => items.push(item(input)));
    return items;
  };
}

function mapOf(value: AvroReader): AvroReader {
  return (input) => {
    const entries: [string, unknown][] = [];
    eachOf(input, () => entries.push([input.text(size(input)), value(input)]));
    // It makes a member of any name, also of __proto__, which is then refused as such.
    return Object.fromEntries(entries);
  };
}

/** Items come in blocks until an empty one. The bytes of a block follow a negative count. */
function eachOf(input: SchemaInput, read: () => void): void {
  input.enter(0);
  for (let count = size(input); count !== 0; count = size(input)) {
    if (count < 0) input.zigzag();
    for (let left = Math.abs(count); left > 0; left--) {
      // An item may take no bytes.
      input.spend(1);
      read();
    }
  }
  input.leave();
}

/** `null` for a type that says no more than its primitive. */
function logicalOf(schema: Members): AvroReader | null {
  const { type, logicalType } = schema;
  if (type === 'bytes' && logicalType === 'decimal') return decimalOf(schema, size);
  if (type === 'int' && logicalType === 'date') return dateOf;
  if (type !== 'long' || typeof logicalType !== 'string') return null;
  const digits = digitsOf.get(logicalType.replace(/^local-/, ''));
  if (digits === undefined) return null;
  const zone = logicalType.startsWith('local-') ? '' : 'Z';
  return (input) => dateTimeOf(input.zigzag(), digits, zone);
}

function dateOf(input: SchemaInput): unknown {
  const days = size(input);
  const time = dateTimeOf(days * 86_400_000, 3, '');
  return typeof time === 'string' ? time.slice(0, 10) : days;
}

const digitsOf: ReadonlyMap<string, 3 | 6 | 9> = new Map([
  ['timestamp-millis', 3],
  ['timestamp-micros', 6],
  ['timestamp-nanos', 9],
]);

/** An exact number: a whole one in two's complement, the last digits of which are its fraction. */
function decimalOf(schema: Members, sizeOf: (input: SchemaInput) => number): AvroReader {
  const scale = schema['scale'] === undefined ? 0 : wholeOf(schema, 'scale', scaleMax);
  return (input) => {
    const value = input.slice(sizeOf(input));
    if (value.length > decimalBytesMax)
      throw new UnreadableBytes(`a decimal has more than ${decimalBytesMax} bytes`);
    const unscaled = BigInt.asIntN(8 * value.length, BigInt(`0x0${hexOf(value)}`));
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
    const point = digits.length - scale;
    const fraction = scale === 0 ? '' : `.${digits.slice(point)}`;
    return parseExactly(`${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${fraction}`);
  };
}

const hexOf = (value: Uint8Array): string =>
  Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');

const uuidOf = (value: Uint8Array): string =>
  hexOf(value).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

function textOf(schema: Members, member: string): string {
  const value = schema[member];
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidSchema(`a type or field has no ${member}`);
}

function listOf(schema: Members, member: string): readonly unknown[] {
  const value = schema[member];
  if (Array.isArray(value)) return value;
  throw new InvalidSchema(`a type has no list of ${member}`);
}

function wholeOf(schema: Members, member: string, max: number): number {
  const value = schema[member];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max)
    return value;
  throw new InvalidSchema(`${member} is not a whole number from 0 to ${max}`);
}
