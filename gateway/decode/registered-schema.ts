// Makes the reader of a schema that was registered, or says why nothing can be read by it.

import { type AvroNames, avroReader } from '#core/decode/avro.ts';
import type { RecordSchema } from '#core/decode/record-schema.ts';
import type { SchemaInput } from '#core/decode/schema-input.ts';
import { printable } from '#core/event/json-guard.ts';
import { protobufReader, type ProtoFile } from './proto-schema.ts';

export type RegisteredSchema = ProtoFile & {
  /** `AVRO`, `JSON` or `PROTOBUF`. */
  readonly type: string;
  /** The schemas that it refers to, each after those that it needs itself. */
  readonly references: readonly ProtoFile[];
};

/** Never throws: a schema that cannot be used must not stop the records of others. */
export function recordSchemaOf(schema: RegisteredSchema): RecordSchema {
  const { type, text, references } = schema;
  try {
    if (type === 'JSON') return { format: 'json' };
    if (type === 'PROTOBUF') {
      return { format: 'protobuf', read: whole(protobufReader(schema, references)) };
    }
    if (type === 'AVRO') return { format: 'avro', read: whole(avroOf(text, references)) };
    return { format: 'unknown', why: `whose type ${printable(type, 40)} is not read` };
  } catch (error) {
    const reason = printable(error instanceof Error ? error.message : String(error), 160);
    return { format: 'unknown', why: `whose ${type} schema cannot be used (${reason})` };
  }
}

function avroOf(text: string, references: readonly ProtoFile[]) {
  const names: AvroNames = new Map();
  for (const reference of references) avroReader(JSON.parse(reference.text), names);
  return avroReader(JSON.parse(text), names);
}

const whole = (read: (input: SchemaInput) => unknown) => (input: SchemaInput) => {
  const value = read(input);
  input.expectEnd();
  return value;
};
