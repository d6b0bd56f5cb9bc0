// Texts that an older gateway has stored become found by words, and words of texts that are gone
// are deleted, in bounded steps.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { VectorStore } from '#core/ports.ts';
import { featuresVersion } from '#core/vectors/lexical/word-features.ts';
import { searchByWords } from '#core/vectors/lexical/word-search.ts';
import { prepareSchema } from '../../gateway/embedded/sql/schema.ts';
import { createWordWrites } from '../../gateway/embedded/sql/word-tables.ts';
import { openQdrantStore } from '../../gateway/qdrant/qdrant-store.ts';
import { prepareWords } from '../../gateway/startup/prepare-words.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { eventRecord, noon, textIdOf, textRecord } from '../conformance/store-records.ts';
import { type QdrantDouble, startQdrantDouble } from '../helpers/qdrant-double.ts';
import { storeOptions } from '../helpers/qdrant/store-options.ts';
import { reopening } from './embedded-harness.ts';

/** The texts that are found by the word that all have. */
const found = async (store: VectorStore): Promise<readonly string[]> =>
  (await searchByWords(store, { query: 'text', alternatives: [], filter: {}, limit: 10 })).map(
    ({ hit }) => hit.text,
  );
const fill = async (store: VectorStore): Promise<void> => {
  await store.putTexts([textRecord(1)]);
  await store.putEvents([eventRecord(1)]);
};
const wholePass = async (store: VectorStore): Promise<void> => {
  while (await store.prepareWords());
};

describe('the embedded store', () => {
  it('makes features of another version again', async () => {
    await using folder = await reopening();
    await fill((await folder.get()).store);
    await folder.close();
    using file = new DatabaseSync(join(folder.path, 'vectorstream.db'));
    const older = featuresVersion - 1;
    file.exec(`UPDATE meta SET value = '${older}' WHERE name = 'words_version'`);
    file.close();
    const { store } = await folder.get();
    expect(await found(store)).toEqual([]);
    await wholePass(store);
    expect(await found(store)).toEqual(['Text 1']);
  });

  it('looks at no more than a thousand texts at once', () => {
    using database = new DatabaseSync(':memory:');
    prepareSchema(database, 'memory', null, 1);
    database.exec(`
      WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2500)
      INSERT INTO texts (id, text, kind, runner_session, runner_name, device, dtype, embedded_at,
        checked_at)
      SELECT CAST(n AS BLOB), 'typed', 'query', 's', 'r', 'cpu', 'q8', 0, 0 FROM numbers`);
    const product = JSON.stringify(textRecord(1).product);
    database.prepare('UPDATE texts SET product = ? WHERE key IN (1, 2400)').run(product);
    const writes = createWordWrites(database);
    const worded = (): number =>
      Number(database.prepare('SELECT count(*) AS count FROM worded_texts').get()?.['count']);
    const steps: number[] = [];
    while (writes.prepareWords()) steps.push(worded());
    // Two passes of three steps, and the end of the first: it has found something.
    expect(steps).toEqual([1, 1, 2, 2, 2, 2, 2]);
  });
});

describe('the store in Qdrant', () => {
  const words = `test_texts_words_${featuresVersion}`;
  let double: QdrantDouble;
  let store: VectorStore;
  beforeEach(async () => {
    double = await startQdrantDouble();
    store = await openQdrantStore(storeOptions(double.url), () => undefined);
    await fill(store);
  });
  afterEach(() => double[Symbol.asyncDispose]());

  const send = (method: string, path: string, body: unknown): Promise<Response> =>
    fetch(`${double.url}/collections/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const deletePoint = (collection: string): Promise<Response> =>
    send('POST', `${collection}/points/delete?wait=true`, { points: [textIdOf(1)] });
  const countOfWords = async (): Promise<number> =>
    (await (await send('POST', `${words}/points/count`, { exact: true })).json()).result.count;

  it('makes features of another version again, in a collection of their own', async () => {
    await fetch(`${double.url}/collections/${words}`, { method: 'DELETE' });
    const newer = await openQdrantStore(storeOptions(double.url), () => undefined);
    expect(await found(newer)).toEqual([]);
    await wholePass(newer);
    expect(await found(newer)).toEqual(['Text 1']);
  });

  it('deletes words of texts that are gone', async () => {
    await deletePoint('test_texts');
    expect(await countOfWords()).toBe(1);
    await wholePass(store);
    expect(await countOfWords()).toBe(0);
  });

  it('keeps the words of a text that is put again while they are deleted', async () => {
    await deletePoint('test_texts');
    double.fail({ kind: 'after', work: () => store.putTexts([textRecord(1)]) }, ({ path }) =>
      path.startsWith(`/collections/${words}/points/delete`),
    );
    await wholePass(store);
    expect(await countOfWords()).toBe(1);
    expect(await found(store)).toEqual(['Text 1']);
  });

  it('keeps the words of a text that is being put while they are deleted', async () => {
    await deletePoint('test_texts');
    double.fail(
      { kind: 'after', work: () => wholePass(store) },
      ({ method, path }) => method === 'PUT' && path.startsWith('/collections/test_texts/points'),
    );
    await store.putTexts([textRecord(1)]);
    expect(await found(store)).toEqual(['Text 1']);
  });
});

const quiet = createLog({
  level: 'error',
  format: 'json',
  secrets: new Set(),
  destination: { write: () => undefined },
});

test('what an older gateway stores beside this one is prepared every hour', async () => {
  const clock = new ManualClock(noon);
  const passes: number[] = [];
  const stopping = new AbortController();
  const running = prepareWords(
    {
      store: {
        async prepareWords() {
          passes.push(clock.now() - noon);
          return false;
        },
      },
      clock,
      log: quiet,
    },
    stopping.signal,
  );
  const hour = 3_600_000;
  for (let n = 0; n < 2; n++) await clock.advance(hour);
  expect(passes).toEqual([0, hour, 2 * hour]);
  stopping.abort();
  await running;
});
