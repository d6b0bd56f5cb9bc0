// Turns the .proto files of a Schema Registry into the description by which records are read.

import protobuf from 'protobufjs';
import { InvalidSchema } from '#core/decode/avro.ts';
import {
  isScalar,
  messagePath,
  type ProtobufField,
  type ProtobufMessage,
  readProtobuf,
} from '#core/decode/protobuf.ts';
import { type SchemaInput, UnreadableBytes } from '#core/decode/schema-input.ts';

export type ProtoFile = {
  /** As other files import it. */
  readonly name: string;
  readonly text: string;
};

/**
 * Reads records of any message of `file`: a record begins with the path to its message.
 *
 * @param imported the files that `file` imports, and those that they import
 * @throws Error that says what is wrong with the files
 */
export function protobufReader(
  file: ProtoFile,
  imported: readonly ProtoFile[],
): (input: SchemaInput) => unknown {
  const root = new protobuf.Root();
  // Only in a root of its own are the messages of this file in its order, and no others.
  const own = parsed(file, new protobuf.Root());
  for (const each of [...imported, file]) {
    const { imports } = parsed(each, root);
    for (const name of imports) addGoogleFile(name, root);
  }
  root.resolveAll();
  const described = new Map<string, ProtobufMessage>();
  const messageAt = (path: readonly number[]): ProtobufMessage => {
    let place: protobuf.NamespaceBase = own.place;
    for (const index of path) {
      const message = place.nestedArray.filter(isType)[index];
      if (message === undefined) throw new UnreadableBytes('its schema has no such message');
      place = message;
    }
    return described.get(place.fullName) ?? describe(root.lookupType(place.fullName), described);
  };
  // Finds mistakes now, and not with the first record.
  const describeAll = (place: protobuf.NamespaceBase, path: readonly number[]): void => {
    for (const [index, message] of place.nestedArray.filter(isType).entries()) {
      messageAt([...path, index]);
      describeAll(message, [...path, index]);
    }
  };
  describeAll(own.place, []);
  return (input) => readProtobuf(messageAt(messagePath(input)), input);
}

function parsed({ text }: ProtoFile, root: protobuf.Root) {
  const { package: name, imports = [] } = protobuf.parse(text, root, { keepCase: true });
  const found = name === undefined ? root : root.lookup(name);
  const place: protobuf.NamespaceBase = found instanceof protobuf.Namespace ? found : root;
  return { imports, place };
}

/** The types that come with Protobuf, such as Timestamp: no registry must have them. */
function addGoogleFile(name: string, root: protobuf.Root): void {
  const file = protobuf.common.get(name);
  if (file?.nested !== undefined) root.addJSON(file.nested);
}

const isType = (found: protobuf.ReflectionObject): found is protobuf.Type =>
  found instanceof protobuf.Type;

/** `described` has a message before its fields, because it may contain itself. */
function describe(type: protobuf.Type, described: Map<string, ProtobufMessage>): ProtobufMessage {
  const fields = new Map<number, ProtobufField>();
  const message = { name: type.fullName.replace(/^\./, ''), fields };
  described.set(type.fullName, message);
  for (const field of type.fieldsArray) fields.set(field.id, fieldOf(field.resolve(), described));
  return message;
}

function fieldOf(field: protobuf.Field, described: Map<string, ProtobufMessage>): ProtobufField {
  const { name } = field;
  if (name in {}) throw new InvalidSchema(`a field has the reserved name ${name}`);
  if (field instanceof protobuf.MapField) {
    const entry = new Map<number, ProtobufField>([
      [1, { name: 'key', form: 'one', type: scalar(field.keyType), isZeroAbsent: false }],
      [2, { name: 'value', form: 'one', type: typeOf(field, described), isZeroAbsent: false }],
    ]);
    const message = { name: '', fields: entry };
    return { name, form: 'map', type: { message }, isZeroAbsent: false };
  }
  const type = typeOf(field, described);
  const form = field.repeated ? 'list' : 'one';
  return { name, form, type, isZeroAbsent: form === 'one' && !field.hasPresence };
}

function typeOf(
  { type, resolvedType }: protobuf.Field,
  described: Map<string, ProtobufMessage>,
): ProtobufField['type'] {
  if (resolvedType === null) return scalar(type);
  if (resolvedType instanceof protobuf.Type)
    return { message: described.get(resolvedType.fullName) ?? describe(resolvedType, described) };
  const names = Object.entries(resolvedType.values).map(
    ([name, number]) => [number, name] as const,
  );
  // Of several names for one number, the first is the one that Protobuf writes.
  return { names: new Map(names.toReversed()) };
}

function scalar(type: string): ProtobufField['type'] {
  if (isScalar(type)) return type;
  throw new InvalidSchema(`it has no type ${type.slice(0, 100)}`);
}
