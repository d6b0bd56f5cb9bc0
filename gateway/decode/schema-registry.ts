// Asks a Schema Registry for the schemas of records, by the REST interface of Confluent's, and
// remembers its answers.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import { Semaphore } from '#core/collections/semaphore.ts';
import type { RecordSchema, SchemaRegistry } from '#core/decode/record-schema.ts';
import { DependencyError } from '#core/errors/errors.ts';
import { printable } from '#core/event/json-guard.ts';
import type { Clock } from '#core/ports.ts';
import { basicLogin } from './basic-login.ts';
import type { ProtoFile } from './proto-schema.ts';
import { recordSchemaOf } from './registered-schema.ts';

export type SchemaRegistryOptions = {
  /** With any path before that of the interface. */
  readonly url: string;
  readonly username: string | null;
  readonly password: string | null;
  readonly timeoutMs: number;
  readonly clock: Clock;
};

const schemasMax = 1_000;
/** Requests at once: records with invented ids must not become a flood of them. */
const requestsMax = 8;
const referencesMax = 100;
const answerBytesMax = 1024 * 1024;
/** How long an id stays unknown. Its schema may reach this registry later. */
const unknownMsMax = 10_000;
/** What a registry answers to an id that it does not have. */
const notFoundCodes: readonly unknown[] = [40401, 40402, 40403];

/** A schema that is there and cannot be used. */
class UnusableSchema extends Error {}

export function createSchemaRegistry(options: SchemaRegistryOptions): SchemaRegistry {
  const { clock } = options;
  const kept = new BoundedMap<number, { schema: RecordSchema; until: number }>(() => schemasMax);
  const fetching = new Map<number, Promise<RecordSchema>>();
  const requests = new Semaphore(requestsMax);
  const never = new AbortController().signal;

  const known = (id: number): RecordSchema | null => {
    const entry = kept.get(id);
    return entry !== undefined && clock.monotonic() < entry.until ? entry.schema : null;
  };

  const fetchNew = async (id: number): Promise<RecordSchema> => {
    const schema = await requests.run(() => schemaOf(id, options), never);
    const until = schema.format === 'unknown' ? clock.monotonic() + unknownMsMax : Infinity;
    kept.set(id, { schema, until });
    return schema;
  };

  return {
    known,
    fetch(id) {
      const running = fetching.get(id) ?? fetchNew(id).finally(() => fetching.delete(id));
      fetching.set(id, running);
      return running;
    },
  };
}

async function schemaOf(id: number, options: SchemaRegistryOptions): Promise<RecordSchema> {
  try {
    const found = await registered(`schemas/ids/${id}`, options);
    if (found === null) return { format: 'unknown', why: notThere };
    const references = new Map<string, ProtoFile>();
    await collect(found, references, options);
    const { text, type } = found;
    return recordSchemaOf({ name: '', text, type, references: [...references.values()] });
  } catch (error) {
    if (!(error instanceof UnusableSchema)) throw error;
    return { format: 'unknown', why: `whose schema cannot be used (${error.message})` };
  }
}

const notThere =
  'which the Schema Registry does not have (register its schema there, or name the registry of ' +
  'its sender in SCHEMA_REGISTRY_URL)';

type Found = { readonly text: string; readonly type: string; readonly references: unknown };

/** Adds what `found` refers to: first what a reference itself needs, then the reference. */
async function collect(
  { references }: Found,
  into: Map<string, ProtoFile>,
  options: SchemaRegistryOptions,
): Promise<void> {
  if (!Array.isArray(references)) return;
  for (const { name, subject, version } of references.map(Object)) {
    if (typeof name !== 'string' || typeof subject !== 'string' || !Number.isInteger(version))
      throw new UnusableSchema('a reference has no name, subject and version');
    const key = `${subject}/${version}`;
    if (into.has(key)) continue;
    if (into.size >= referencesMax)
      throw new UnusableSchema(`it refers to more than ${referencesMax} schemas`);
    const path = `subjects/${encodeURIComponent(subject)}/versions/${version}`;
    const found = await registered(path, options);
    if (found === null)
      throw new UnusableSchema(`its reference ${printable(key, 100)} is not in the registry`);
    // Reserves its place, so that a circle ends, and is put in again behind what it needs.
    into.set(key, { name, text: found.text });
    await collect(found, into, options);
    into.delete(key);
    into.set(key, { name, text: found.text });
  }
}

/** `null` when the registry does not have it. */
async function registered(path: string, options: SchemaRegistryOptions): Promise<Found | null> {
  const { status, body } = await answerOf(path, options);
  const { schema, schemaType, references, error_code: code } = Object(body);
  if (status === 404 && notFoundCodes.includes(code)) return null;
  if (status !== 200 || typeof schema !== 'string')
    throw trouble(options, `answered ${status} to ${path}${adviceFor(status)}`);
  return {
    text: schema,
    type: typeof schemaType === 'string' ? schemaType : 'AVRO',
    references,
  };
}

function adviceFor(status: number): string {
  if (status === 401 || status === 403)
    return ': correct SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD';
  return status >= 500 || status === 429 ? '' : ': is that a Schema Registry?';
}

async function answerOf(path: string, options: SchemaRegistryOptions) {
  const { url, username, password, timeoutMs } = options;
  try {
    const answer = await fetch(`${url.replace(/\/+$/, '')}/${path}`, {
      headers: {
        accept: 'application/vnd.schemaregistry.v1+json, application/json',
        ...(username !== null && { authorization: basicLogin(username, password) }),
      },
      // A login must not go anywhere else.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: answer.status, body: jsonOf(await textOf(answer)) };
  } catch (error) {
    if (error instanceof UnusableSchema) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw trouble(options, cause instanceof Error ? cause.message : String(cause), error);
  }
}

async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > answerBytesMax)
      throw new UnusableSchema(`it has more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** `null` for a text that is not JSON, which no registry answers. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const trouble = ({ url }: SchemaRegistryOptions, why: string, cause?: unknown): DependencyError =>
  new DependencyError(
    'schema_registry',
    'schema_registry_unavailable',
    `Schema Registry at ${url}: ${why}.`,
    { retryable: true, cause },
  );
