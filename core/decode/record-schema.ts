// What a Schema Registry tells of a record in Confluent's wire format: a zero, four bytes with the
// id of a schema, and data that only this schema can read.

import type { SchemaInput } from './schema-input.ts';

export type RecordSchema =
  /** The data is JSON, which is read without its schema. */
  | { readonly format: 'json' }
  /** `read` throws `UnreadableBytes`. */
  | { readonly format: 'avro' | 'protobuf'; readonly read: (input: SchemaInput) => unknown }
  /** Nothing can be read with this id. The reason completes "schema id 7, …". */
  | { readonly format: 'unknown'; readonly why: string };

/** Answers are remembered: a schema id never changes its meaning. */
export type SchemaRegistry = {
  /** `null` until it was fetched. */
  known(id: number): RecordSchema | null;
  /**
   * Concurrent calls for one id share a request.
   *
   * @throws DependencyError (retryable) when the registry is down or refuses the login
   */
  fetch(id: number): Promise<RecordSchema>;
};

const idBytes = 5;

/** The schema id of a record; `null` for a record that is in another format. */
export function schemaIdOf(value: Uint8Array): number | null {
  if (value[0] !== 0 || value.length <= idBytes) return null;
  return new DataView(value.buffer, value.byteOffset).getUint32(1);
}

export const withoutSchemaId = (value: Uint8Array): Uint8Array =>
  value[0] === 0 ? value.subarray(idBytes) : new Uint8Array();

/** The schema of the record's schema id; `null` without an id, or without a registry. */
export async function schemaOf(
  value: Uint8Array,
  registry: SchemaRegistry | null,
): Promise<RecordSchema | null> {
  const id = schemaIdOf(value);
  return registry === null || id === null ? null : (registry.known(id) ?? registry.fetch(id));
}
