// The OpenAPI document: every path is fully described, every reference resolves, and every example
// matches its schema.

import { expect, test } from 'vitest';
import { z } from 'zod';
import { testApp } from './test-services.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = { readonly [name: string]: Json };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const object = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
const list = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

async function read(): Promise<JsonObject> {
  const document: Json = await (await testApp().request('/openapi.json')).json();
  return object(document);
}

/** Replaces a reference by its target. */
function resolve(document: JsonObject, value: Json | undefined, depth = 0): Json {
  if (depth > 30) throw new Error('A schema refers to itself.');
  if (Array.isArray(value)) return value.map((item: Json) => resolve(document, item, depth + 1));
  if (!isObject(value)) return value ?? null;
  const reference = value['$ref'];
  if (typeof reference === 'string') {
    const found = reference
      .replace(/^#\//, '')
      .split('/')
      .reduce<Json | undefined>((at, name) => object(at)[name], document);
    if (found === undefined) throw new Error(`${reference} does not resolve.`);
    return resolve(document, found, depth + 1);
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, resolve(document, member, depth + 1)]),
  );
}

type Operation = { readonly name: string; readonly path: string; readonly operation: JsonObject };

function operationsOf(document: JsonObject): readonly Operation[] {
  return Object.entries(object(document['paths'])).flatMap(([path, item]) =>
    Object.entries(object(item)).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      operation: object(resolve(document, operation)),
    })),
  );
}

const methods = /^(GET|POST|PUT|PATCH|DELETE) /;

/** Media types with their schemas and examples, of the request and of every answer. */
function contentsOf({ operation }: Operation): readonly {
  readonly where: string;
  readonly type: string;
  readonly media: JsonObject;
}[] {
  const bodies = [
    ['request', operation['requestBody']] as const,
    ...Object.entries(object(operation['responses'])),
  ];
  return bodies.flatMap(([where, body]) =>
    Object.entries(object(object(body)['content'])).map(([type, media]) => ({
      where,
      type,
      media: object(media),
    })),
  );
}

const exampleOf = (media: JsonObject): Json | undefined =>
  media['example'] ??
  object(media['schema'])['example'] ??
  Object.values(object(media['examples'])).map((example) => object(example)['value'])[0];

test('is OpenAPI 3.1; each operation is named, with its access and its errors', async () => {
  const document = await read();
  expect(document['openapi']).toBe('3.1.0');
  const operations = operationsOf(document);
  const tags = list(document['tags']).map((tag) => object(tag)['name']);
  const ofOperation = (name: string) => operations.find((each) => each.name === name)?.operation;
  expect(ofOperation('DELETE /users/{id}')?.['tags']).toEqual(['Privacy']);
  expect(ofOperation('POST /search')?.['description']).toContain('`read` or `search`');
  const wrong = operations.flatMap(({ name, path, operation }) => {
    const declared = list(operation['parameters'])
      .map(object)
      .filter((parameter) => parameter['in'] === 'path')
      .map((parameter) => parameter['name']);
    const responses = Object.keys(object(operation['responses']));
    const rules: readonly (readonly [string, boolean])[] = [
      ['is no method', methods.test(name)],
      [
        'has no summary',
        typeof operation['summary'] === 'string' && operation['summary'].length > 5,
      ],
      [
        'has no known tag',
        list(operation['tags']).length === 1 && tags.includes(list(operation['tags'])[0] ?? null),
      ],
      [
        'does not declare its path parameters',
        [...path.matchAll(/\{(\w+)\}/g)].every((match) => declared.includes(match[1] ?? '')) &&
          declared.length === path.split('{').length - 1,
      ],
      ['has no answer that is none of an error', responses.some((status) => /^[12]/.test(status))],
      ['does not say that it can fail', responses.includes('500')],
      [
        'does not say what a wrong key gets',
        JSON.stringify(operation['security']) === '[]' || responses.includes('401'),
      ],
      [
        'does not say what a wrong body gets',
        operation['requestBody'] === undefined ||
          ['400', '413', '415'].every((status) => responses.includes(status)),
      ],
      [
        'has an answer without a description',
        Object.values(object(operation['responses'])).every(
          (answer) => typeof object(answer)['description'] === 'string',
        ),
      ],
    ];
    return rules.filter(([, holds]) => !holds).map(([rule]) => `${name} ${rule}`);
  });
  expect(wrong).toEqual([]);
  const ids = operations.map(({ operation }) => operation['operationId']);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(
    expect.arrayContaining([
      'postEvents',
      'getEventsById',
      'postV1Embeddings',
      'getHealthKafka',
      'postRunnersByIdDrain',
    ]),
  );
});

test('shows an example of every body, and each matches its schema', async () => {
  const document = await read();
  const wrong: string[] = [];
  let seen = 0;
  for (const operation of operationsOf(document)) {
    for (const { where, type, media } of contentsOf(operation)) {
      const at = `${operation.name} ${where} ${type}`;
      const example = exampleOf(media);
      if (example === undefined) {
        wrong.push(`${at}: no example`);
        continue;
      }
      seen += 1;
      if (!type.includes('json') || type.includes('ndjson')) continue;
      const parsed = schemaFrom(media['schema']).safeParse(example);
      if (!parsed.success)
        wrong.push(
          `${at}: ${parsed.error.issues
            .map(({ path, message }) => `${path.map(String).join('.')} ${message}`)
            .join('; ')
            .slice(0, 300)}`,
        );
    }
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(80);
});

/** Sent by the server before it looks at the path. */
const ofTheServer = ['408', '414', '431'];

test("uses the problem shape for every error, and OpenAI's shape on OpenAI's paths", async () => {
  const document = await read();
  const wrong = operationsOf(document).flatMap((operation) =>
    contentsOf(operation)
      .filter(({ where }) => /^[45]/.test(where))
      .flatMap(({ where, type, media }) => {
        const members = Object.keys(object(object(media['schema'])['properties']));
        const isRight =
          operation.path.startsWith('/v1/') && !ofTheServer.includes(where)
            ? type === 'application/json' && members.includes('error')
            : type === 'application/problem+json' &&
              members.includes('request_id') &&
              members.includes('code');
        return isRight ? [] : [`${operation.name} ${where}`];
      }),
  );
  expect(wrong).toEqual([]);
});

test('names every path that GET / lists, except pages and the document itself', async () => {
  const { request } = testApp();
  const described = new Set(operationsOf(await read()).map(({ name }) => name));
  const { paths }: { readonly paths: readonly string[] } = await (
    await request('/', { headers: { accept: 'application/json' } })
  ).json();
  const undescribed = paths.filter((path) => !path.startsWith('WS ') && !described.has(path));
  const files = [
    'GET /openapi.json',
    'GET /runner',
    'GET /dead-letters',
    'GET /demo',
    'GET /design',
    'GET /fleet',
    'GET /lend',
    'GET /search',
    'GET /demo-offline.js',
    'GET /docs',
    'GET /docs/api-reference.js',
    'GET /docs/operations.md',
    'GET /favicon.ico',
    'GET /assets/{file}',
    'GET /models/current',
    'GET /models/{revision}/{path}',
  ];
  expect(undescribed.filter((path) => !files.includes(path))).toEqual([]);
});

test('describes its fields and parameters, and begins with a quick start', async () => {
  const document = await read();
  expect(JSON.stringify(document)).toMatch(/Quick start.*Authorization: Bearer/);
  const fields: { readonly name: string; readonly isDescribed: boolean }[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('properties' in value && typeof value.properties === 'object')
      for (const [name, field] of Object.entries(value.properties ?? {}))
        fields.push({ name, isDescribed: 'description' in field || '$ref' in field });
    if ('in' in value && 'name' in value && 'schema' in value) {
      const { name, schema } = value;
      const isDescribed = 'description' in value || 'description' in Object(schema);
      fields.push({ name: String(name), isDescribed });
    }
    for (const inner of Object.values(value)) walk(inner);
  };
  walk(document);
  expect(fields.length).toBeGreaterThan(300);
  const missing = new Set(fields.filter((field) => !field.isDescribed).map(({ name }) => name));
  // A new field may land before its words do.
  expect(missing.size, [...missing].join(', ')).toBeLessThan(20);
});

test('says that a search takes exactly one of query, vector and text id', async () => {
  const document = await read();
  const described = schemaFrom(resolve(document, { $ref: '#/components/schemas/SearchRequest' }));
  const text_id = '0d5b3f0e-97a9-5b62-8f0e-52f1a1f0c3d4';
  for (const [body, isSearch] of [
    [{ query: 'kettle' }, true],
    [{ vector: [1, 2] }, true],
    [{ text_id }, true],
    [{ query: 'kettle', text_id }, false],
    [{ limit: 3 }, false],
    [{}, false],
  ] as const) {
    expect(described.safeParse(body).success, JSON.stringify(body)).toBe(isSearch);
  }
});

function schemaFrom(json: Json | undefined): z.ZodType {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a JSON schema is JSON
  return z.fromJSONSchema(json as Parameters<typeof z.fromJSONSchema>[0]);
}

/** Every schema in a part of the document, with where it is. */
function schemasIn(
  value: Json | undefined,
  where: string,
): readonly (readonly [string, JsonObject])[] {
  if (Array.isArray(value))
    return value.flatMap((item: Json, index) => schemasIn(item, `${where}.${index}`));
  if (!isObject(value)) return [];
  const inner = Object.entries(value).flatMap(([name, member]) =>
    schemasIn(member, `${where}.${name}`),
  );
  return [[where, value], ...inner];
}

// No value could match both.
test('a schema that allows no further member is not extended', async () => {
  const document = await read();
  const wrong = schemasIn(document, '').filter(([, { allOf }]) =>
    list(allOf).some((part) => object(resolve(document, part))['additionalProperties'] === false),
  );
  expect(wrong.map(([where]) => where)).toEqual([]);
});
