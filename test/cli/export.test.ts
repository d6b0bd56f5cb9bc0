// An export holds every stored text with exactly the store's vector, and a file under its final
// name is whole.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { expect, test } from 'vitest';
import { uuidV5 } from '#core/event/uuid.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { TextRecord } from '#core/ports.ts';
import { formatOf, writeExport } from '../../cli/export/write-export.ts';
import { eventRecord, noon, textIdOf, textRecord } from '../conformance/store-records.ts';
import { clientOf, testApp } from '../gateway/test-services.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { scriptedGateway } from './helpers/scripted-http-gateway.ts';

const dimensions = 24;

/** Components with all digits of a float32. */
function unevenVector(n: number): Float32Array {
  const raw = Float32Array.from({ length: dimensions }, (_, i) => Math.sin(n * 31 + i * 7 + 1));
  const length = Math.hypot(...raw);
  return raw.map((component) => component / length);
}

function textOf(n: number): TextRecord {
  const record = textRecord(n);
  return { ...record, embedding: { ...record.embedding, vector: unevenVector(n) } };
}

async function shop(texts: number) {
  const store = createMemoryStore({ dimensions });
  for (let at = 0; at < texts; at += 1_000)
    await store.putTexts(
      Array.from({ length: Math.min(1_000, texts - at) }, (_, n) => textOf(at + n)),
    );
  const { request } = testApp({ store });
  const { texts: calls } = clientOf({ request });
  return { store, pages: () => calls.pages({ limit: 256 }) };
}

const ignore = (): void => undefined;

function start(file: string, url: string) {
  const command = join(import.meta.dirname, '../../cli/export/export.ts');
  return spawn(process.execPath, [command, file, '--target', url], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('NDJSON has one text a line, with the vector that the store holds', async () => {
  await using folder = await temporaryFolder();
  const { store, pages } = await shop(300);
  const path = join(folder.path, 'all.ndjson');
  expect(await writeExport(path, pages(), Infinity, ignore)).toBe(300);
  const rows = (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line): { text_id: string; vector: number[] } => JSON.parse(line));
  const ids = rows.map(({ text_id: id }) => id);
  expect(new Map(rows.map((row) => [row.text_id, Float32Array.from(row.vector)]))).toEqual(
    await store.vectors(ids),
  );
  expect(ids).toHaveLength(300);
});

test('Parquet has the same in several row groups, a vector as a list of float32', async () => {
  await using folder = await temporaryFolder();
  const { store, pages } = await shop(2_500);
  await store.putEvents([
    eventRecord(1, { text: 3 }),
    eventRecord(2, { text: 3, eventType: 'purchase' }),
  ]);
  await store.putTexts([
    { ...textOf(9_999), kind: 'query', product: null, text: uuidV5('a query') },
  ]);
  const path = join(folder.path, 'all.parquet');
  await writeExport(path, pages(), Infinity, ignore);
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  expect(metadata.row_groups.length).toBeGreaterThan(1);
  expect(metadata.schema.find(({ name }) => name === 'element')?.type).toBe('FLOAT');
  const rows = await parquetReadObjects({ file, metadata });
  const held = await store.vectors(rows.map((row) => String(row['text_id'])));
  expect(rows).toHaveLength(2_501);
  expect(new Map(rows.map((row) => [row['text_id'], Float32Array.from(row['vector'])]))).toEqual(
    held,
  );
  expect(rows.find((row) => row['text_id'] === textIdOf(3))).toMatchObject({
    text: 'Text 3',
    kind: 'product',
    product_id: 'p3',
    product_description: null,
    product_price: 3,
    model: 'sentence-transformers/all-MiniLM-L6-v2',
    runner_name: 'runner',
    embedded_at: new Date(noon),
    events: 2,
    events_by_type: { view: 1, purchase: 1 },
  });
  expect(rows.find((row) => row['kind'] === 'query')).toMatchObject({
    product_id: null,
    product_price: null,
    events: 0,
    events_by_type: {},
  });
});

test('withheld vectors are null in both', async () => {
  await using folder = await temporaryFolder();
  const { store, pages } = await shop(1);
  await store.provenanceStore.withhold({ runnerSession: 'session-1', since: 0 });
  const [ndjson, parquet] = ['a.jsonl', 'a.parquet'].map((name) => join(folder.path, name));
  await writeExport(ndjson ?? '', pages(), Infinity, ignore);
  await writeExport(parquet ?? '', pages(), Infinity, ignore);
  const absent = { text: 'Text 0', vector: null, runner_name: null, embedded_at: null };
  expect(JSON.parse(await readFile(ndjson ?? '', 'utf8'))).toMatchObject(absent);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(parquet ?? '') });
  expect(rows).toMatchObject([absent]);
});

test('a page is read when the one before is written, and none after the limit', async () => {
  await using folder = await temporaryFolder();
  const { pages } = await shop(1_000);
  const steps: string[] = [];
  const watched = async function* () {
    for await (const page of pages()) {
      steps.push('read');
      yield page;
    }
  };
  const path = join(folder.path, 'some.ndjson');
  const written = await writeExport(path, watched(), 300, (texts) => steps.push(`${texts}`));
  expect([written, steps]).toEqual([300, ['read', '256', 'read', '300']]);
});

test.each(['some.ndjson', 'some.parquet'])(
  'an export that fails leaves the older %s as it was, and nothing beside it',
  async (name) => {
    await using folder = await temporaryFolder();
    const { pages } = await shop(300);
    const path = join(folder.path, name);
    await writeFile(path, 'older');
    const broken = async function* () {
      for await (const page of pages()) {
        yield page;
        throw new Error('the gateway is gone');
      }
    };
    await expect(writeExport(path, broken(), Infinity, ignore)).rejects.toThrow('gone');
    expect([await readdir(folder.path), await readFile(path, 'utf8')]).toEqual([[name], 'older']);
  },
);

test('an export to the name of a folder leaves nothing beside it', async () => {
  await using folder = await temporaryFolder();
  const { pages } = await shop(1);
  const path = join(folder.path, 'some.ndjson');
  await mkdir(path);
  await expect(writeExport(path, pages(), Infinity, ignore)).rejects.toThrow('directory');
  expect(await readdir(folder.path)).toEqual(['some.ndjson']);
});

test('a name without a known ending is refused with those that are', () => {
  expect(() => formatOf('all.csv')).toThrow(
    'The file "all.csv" does not say its format; allowed are names that end with ' +
      '.parquet, .ndjson, .jsonl.',
  );
});

test('the command writes all pages and says how many texts', async () => {
  await using folder = await temporaryFolder();
  const { pages } = await shop(3);
  const [page] = await Array.fromAsync(pages());
  const items = page?.items.map((item) => ({ ...item, vector: [...(item.vector ?? [])] }));
  await using gateway = await scriptedGateway(({ path }) => ({
    status: 200,
    body: path.startsWith('/stats')
      ? { store: { texts: 6 } }
      : { ...page, items, next_cursor: path.includes('cursor=') ? null : textIdOf(2) },
  }));
  const file = join(folder.path, 'all.ndjson');
  const child = start(file, gateway.url);
  const [stdout] = await Promise.all([readAll(child.stdout), once(child, 'close')]);
  expect([child.exitCode, stdout]).toEqual([0, `Wrote 6 texts to ${file}\n`]);
  expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(7);
});

test('Ctrl-C while the gateway is awaited ends with code 130 and no file', async () => {
  await using folder = await temporaryFolder();
  const asked = Promise.withResolvers<void>();
  await using gateway = await scriptedGateway(({ path }) => {
    if (path.startsWith('/texts')) asked.resolve();
    return path.startsWith('/texts')
      ? { status: 503, body: { code: 'store_down', detail: 'The store is down.' } }
      : { status: 200, body: { store: { texts: 9 } } };
  });
  const child = start(join(folder.path, 'all.parquet'), gateway.url);
  const stderr = readAll(child.stderr);
  const closed = once(child, 'close');
  await asked.promise;
  child.kill('SIGINT');
  await closed;
  expect([child.exitCode, await readdir(folder.path)]).toEqual([130, []]);
  expect(await stderr).toContain('Interrupted: nothing was written.\n');
});
