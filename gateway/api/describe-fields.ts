// Gives every field of an OpenAPI document a description, from the table of names.

import { fieldDescriptions } from './field-descriptions.ts';

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Changes the document in place. What a schema says itself stays. */
export function describeFields(document: {
  readonly components?: { readonly schemas?: object };
  readonly paths?: object;
}): void {
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {}))
    describe(schema, name);
  describe(document.paths, '');
}

/** @param parent name of the schema or property around it */
function describe(value: unknown, parent: string): void {
  if (Array.isArray(value)) for (const each of value) describe(each, parent);
  if (!isNode(value)) return;
  if (isNode(value['properties']))
    for (const [name, field] of Object.entries(value['properties'])) {
      addTo(field, name, parent);
      describe(field, name);
    }
  if (typeof value['in'] === 'string' && typeof value['name'] === 'string')
    addTo(value, value['name'], parent);
  for (const [key, inner] of Object.entries(value))
    if (key !== 'properties' && key !== 'example' && key !== 'default') describe(inner, parent);
}

function addTo(field: unknown, name: string, parent: string): void {
  if (!isNode(field) || '$ref' in field || 'description' in field) return;
  const schema = field['schema'];
  if (isNode(schema) && 'description' in schema) return;
  const description = fieldDescriptions[`${parent}.${name}`] ?? fieldDescriptions[name];
  if (description !== undefined) field['description'] = description;
}
