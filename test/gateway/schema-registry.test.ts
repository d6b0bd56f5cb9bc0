// A Schema Registry is asked once for each schema, over real HTTP; one that is down is trouble that
// passes, and a schema that is not there or cannot be used concerns its records only.

import { describe, expect, test } from 'vitest';
import { SchemaInput } from '#core/decode/schema-input.ts';
import { DependencyError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createSchemaRegistry } from '../../gateway/decode/schema-registry.ts';
import { type Registered, startRegistryDouble } from '../helpers/registry-double.ts';

const login = { username: 'reader', password: 'top:secret' };
const clock = new ManualClock(0);
const clientOf = (url: string, given: Partial<typeof login> = login) =>
  createSchemaRegistry({ url, username: null, password: null, timeoutMs: 5_000, clock, ...given });
const record = (fields: readonly object[]) =>
  JSON.stringify({ type: 'record', name: 'shop.Event', fields });

test('a schema is fetched once with the login, and is known from then on', async () => {
  await using registry = await startRegistryDouble(login);
  registry.byId.set(7, { schema: record([{ name: 'a', type: 'int' }]) });
  const client = clientOf(registry.url);
  expect(client.known(7)).toBeNull();
  const [schema] = await Promise.all([client.fetch(7), client.fetch(7), client.fetch(7)]);
  expect(registry.asked).toEqual(['/base/schemas/ids/7']);
  expect(client.known(7)).toBe(schema);
  expect('read' in schema && schema.read(new SchemaInput(Uint8Array.of(2)))).toEqual({ a: 1 });
});

test('references are fetched too: each once, what it needs first, and a circle ends', async () => {
  await using registry = await startRegistryDouble();
  const inner = { name: 'shop.Inner', subject: 'in/ner', version: 2 };
  const outer = { name: 'shop.Outer', subject: 'outer', version: 1 };
  registry.byId.set(1, {
    schema: record([{ name: 'o', type: 'shop.Outer' }]),
    references: [outer, inner],
  });
  registry.bySubject.set('outer/1', {
    schema: '{"type":"record","name":"shop.Outer","fields":[{"name":"i","type":"shop.Inner"}]}',
    references: [inner],
  });
  registry.bySubject.set('in/ner/2', {
    schema: '{"type":"enum","name":"shop.Inner","symbols":["x"]}',
    references: [inner],
  });
  const schema = await clientOf(registry.url, {}).fetch(1);
  expect('read' in schema && schema.read(new SchemaInput(Uint8Array.of(0)))).toEqual({
    o: { i: 'x' },
  });
  expect(registry.asked.toSorted()).toEqual([
    '/base/schemas/ids/1',
    '/base/subjects/in%2Fner/versions/2',
    '/base/subjects/outer/versions/1',
  ]);
});

test('Protobuf imports its references, and JSON Schema needs none', async () => {
  await using registry = await startRegistryDouble();
  registry.byId.set(1, {
    schemaType: 'PROTOBUF',
    schema: 'syntax = "proto3"; import "kind.proto"; message Event { Kind kind = 1; }',
    references: [{ name: 'kind.proto', subject: 'kind', version: 1 }],
  });
  registry.bySubject.set('kind/1', {
    schemaType: 'PROTOBUF',
    schema: 'syntax = "proto3"; enum Kind { VIEW = 0; PURCHASE = 1; }',
  });
  registry.byId.set(2, { schemaType: 'JSON', schema: '{}' });
  const client = clientOf(registry.url, {});
  const schema = await client.fetch(1);
  expect('read' in schema && schema.read(new SchemaInput(Uint8Array.of(0, 8, 1)))).toEqual({
    kind: 'PURCHASE',
  });
  expect(await client.fetch(2)).toEqual({ format: 'json' });
});

describe('a schema that cannot be used concerns its records only', () => {
  const deep = `${'['.repeat(5_000)}"int"${']'.repeat(5_000)}`;
  test.each<[string, Registered | null, RegExp]>([
    ['not there', null, /does not have .* SCHEMA_REGISTRY_URL/],
    ['no JSON', { schema: 'lamp' }, /AVRO schema cannot be used \(Unexpected token/],
    ['no schema', { schema: '{"type":"lamp"}' }, /no type lamp/],
    ['nested beyond all bounds', { schema: deep }, /deeper than 64/],
    ['too large', { schema: ' '.repeat(2 ** 20) }, /more than 1048576 bytes/],
    ['no .proto', { schema: '{}', schemaType: 'PROTOBUF' }, /PROTOBUF schema cannot be used/],
    ['of another type', { schema: '{}', schemaType: 'THRIFT' }, /type THRIFT is not read/],
    [
      'with a reference that is not there',
      { schema: '"int"', references: [{ name: 'a', subject: 'a', version: 1 }] },
      /reference a\/1 is not in the registry/,
    ],
    ['with a reference to nothing', { schema: '"int"', references: [{}] }, /no name, subject/],
  ])('%s', async (_, registered, why) => {
    await using registry = await startRegistryDouble();
    if (registered !== null) registry.byId.set(1, registered);
    expect(await clientOf(registry.url, {}).fetch(1)).toEqual({
      format: 'unknown',
      why: expect.stringMatching(why),
    });
  });

  test('one that comes later is found ten seconds later, and not before', async () => {
    await using registry = await startRegistryDouble();
    const client = clientOf(registry.url, {});
    await client.fetch(5);
    registry.byId.set(5, { schema: '"int"' });
    expect(client.known(5)).toMatchObject({ format: 'unknown' });
    await clock.advance(10_000);
    expect(client.known(5)).toBeNull();
    expect(await client.fetch(5)).toMatchObject({ format: 'avro' });
  });
});

describe('a registry that does not work is trouble that passes, without a secret in it', () => {
  test.each<[string, number | null, Partial<typeof login>, RegExp]>([
    ['is starting', 503, login, /answered 503 to schemas\/ids\/1\./],
    ['is overloaded', 429, login, /answered 429/],
    ['refuses the login', null, {}, /answered 401 .* correct SCHEMA_REGISTRY_USERNAME/],
    ['is something else', 404, login, /is that a Schema Registry\?/],
    ['redirects', 302, login, /answered 302|redirect/],
  ])('%s', async (_, status, given, message) => {
    await using registry = await startRegistryDouble(login);
    registry.byId.set(1, { schema: '"int"' });
    registry.fail(status);
    const client = clientOf(registry.url, given);
    const error: unknown = await client.fetch(1).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DependencyError);
    expect(error).toMatchObject({ retryable: true, message: expect.stringMatching(message) });
    expect(String(error)).not.toContain('secret');
    expect(client.known(1)).toBeNull();
    registry.fail(null);
    expect(await clientOf(registry.url).fetch(1)).toMatchObject({ format: 'avro' });
  });

  test('is not there', async () => {
    const registry = await startRegistryDouble();
    await registry[Symbol.asyncDispose]();
    await expect(clientOf(registry.url).fetch(1)).rejects.toMatchObject({
      name: 'DependencyError',
      retryable: true,
      message: expect.stringMatching(/ECONNREFUSED/),
    });
  });
});
