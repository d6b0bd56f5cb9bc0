// Opens data that commit d644d36 wrote, a data folder and Qdrant collections, with the present
// gateway.

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { z } from 'zod';
import { startGateway, type RunningGateway, type Stats } from './gateway-program.ts';
import { startQdrantDouble, type QdrantDouble } from './qdrant-double.ts';
import { dumpSchema, loadDump, type Dump } from './qdrant/dump.ts';
import { readStore, readVectors, type StoreContents, type StoredVector } from './store-file.ts';
import { temporaryFolder } from './temporary-folder.ts';

const fixture = join(import.meta.dirname, '..', 'fixtures', 'd644d36');

export const collections = [
  'ecommerce_embeddings',
  'ecommerce_events',
  'ecommerce_embeddings_sessions',
];

const eventSchema = z.object({
  id: z.string(),
  text_id: z.string(),
  timestamp: z.string(),
  ingested_at: z.string(),
  event: z.looseObject({ event_id: z.string() }),
});
const deadLetterSchema = z.looseObject({
  id: z.string(),
  state: z.string(),
  reason: z.string(),
  event_id: z.string().nullable(),
  redrive_count: z.int(),
});
const eventsSchema = z.object({ items: z.array(eventSchema) });
const deadLettersSchema = z.object({ items: z.array(deadLetterSchema) });
const hitsSchema = z.object({ hits: z.array(z.object({ text: z.string(), text_id: z.string() })) });
export type OlderEvent = z.infer<typeof eventSchema>;
export type DeadLetterAnswer = z.infer<typeof deadLetterSchema>;

export type OlderData = {
  readonly double: QdrantDouble;
  readonly dump: Dump;
  /** Runs on the old data folder. */
  readonly embedded: RunningGateway;
  /** Runs on the old collections, with its own data folder. */
  readonly onQdrant: RunningGateway;
  readonly folders: { readonly old: string; readonly fresh: string };
  readonly before: StoreContents & { readonly schema: Schema; readonly identity: string };
  readonly oldVectors: readonly StoredVector[];
  readonly answers: {
    readonly events: readonly OlderEvent[];
    readonly deadLetters: readonly DeadLetterAnswer[];
  };
};

/** Starts both gateways; `resources` closes everything that is opened. */
export async function openOlderData(resources: AsyncDisposableStack): Promise<OlderData> {
  const old = resources.use(await temporaryFolder());
  const fresh = resources.use(await temporaryFolder());
  const packed = await readFile(join(fixture, 'data', 'vectorstream.db.gz'));
  await writeFile(join(old.path, 'vectorstream.db'), gunzipSync(packed));
  await copyFile(join(fixture, 'data', 'overrides.yaml'), join(old.path, 'overrides.yaml'));
  const before = { ...readStore(old.path), ...schemaOf(old.path) };
  const oldVectors = readVectors(old.path);
  const double = resources.use(await startQdrantDouble());
  const dump = dumpSchema.parse(JSON.parse(await readFile(join(fixture, 'qdrant.json'), 'utf8')));
  await loadDump(double.url, dump);
  const start = async (folder: string, environment: Readonly<Record<string, string>> = {}) => {
    // A busy machine may take its time to embed a query.
    const patient = { VECTORSTREAM_SEARCH_WAIT_MS_MAX: '10000', ...environment };
    const gateway = resources.use(await startGateway(folder, patient));
    await gateway.ready();
    await gateway.idle();
    return gateway;
  };
  const [embedded, onQdrant, recorded] = await Promise.all([
    start(old.path),
    start(fresh.path, { QDRANT_URL: double.url }),
    readFile(join(fixture, 'answers.json'), 'utf8'),
  ]);
  const answers = z
    .object({ events: z.array(eventSchema), deadLetters: z.array(deadLetterSchema) })
    .parse(JSON.parse(recorded));
  return {
    double,
    dump,
    embedded,
    onQdrant,
    answers,
    before,
    oldVectors,
    folders: { old: old.path, fresh: fresh.path },
  };
}

type Schema = { readonly version: number; readonly objects: readonly string[] };

/** The metadata of the file. */
export function schemaOf(folder: string): { readonly schema: Schema; readonly identity: string } {
  using database = new DatabaseSync(join(folder, 'vectorstream.db'), { readOnly: true });
  const all = (sql: string) => database.prepare(sql).all();
  const objects = all(`SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS told
    FROM sqlite_schema`);
  return {
    schema: {
      version: Number(all('PRAGMA user_version')[0]?.['user_version']),
      objects: objects.map(({ told }) => String(told).replaceAll(/\s+/g, ' ')).toSorted(),
    },
    identity: String(all("SELECT value FROM meta WHERE name = 'index_identity'")[0]?.['value']),
  };
}

export async function send(gateway: RunningGateway, ...events: readonly object[]): Promise<Stats> {
  expect(await gateway.post('/events', JSON.stringify(events))).toMatchObject({ status: 202 });
  return gateway.idle();
}

export async function search(gateway: RunningGateway, query: string, filter: object = {}) {
  const asked = { query, mode: 'meaning', limit: 5, filter };
  const { body } = await gateway.post('/search', JSON.stringify(asked));
  return hitsSchema.parse(body).hits;
}

export async function eventsOf(gateway: RunningGateway) {
  return eventsSchema.parse((await gateway.get('/events?limit=100')).body).items;
}

export async function deadLettersOf(gateway: RunningGateway): Promise<readonly DeadLetterAnswer[]> {
  return deadLettersSchema.parse((await gateway.get('/dlq/messages?limit=100')).body).items;
}

const moving = { unreferenced_since: 'moves' };

/** Without values that change: the time of writing, the number of indexed points. */
export const lasting = (dump: Dump, names: readonly string[]) =>
  names.map((name) => {
    const { info, points } = dump[name] ?? { info: null, points: [] };
    const indexes = Object.entries(info?.payload_schema ?? {});
    return {
      config: info?.config,
      indexes: Object.fromEntries(indexes.map(([field, { data_type: type }]) => [field, type])),
      points: points.map(({ id, payload, vector }) => ({
        id,
        dimensions: vector?.length,
        payload: { ...payload, ...('unreferenced_since' in payload && moving) },
      })),
    };
  });
