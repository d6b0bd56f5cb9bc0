// When Qdrant fails, no event is lost or blamed: every failure is named, and is distinguished from
// bad content.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { writeBisecting } from '#core/pipeline/bisecting-write.ts';
import type { VectorStore } from '#core/ports.ts';
import {
  createQdrantStore,
  openQdrantStore,
  type QdrantStoreOptions,
} from '../../gateway/qdrant/qdrant-store.ts';
import {
  eventIdOf,
  eventRecord,
  queryVector,
  textIdOf,
  textRecord,
} from '../conformance/store-records.ts';
import {
  type QdrantDouble,
  type SeenRequest,
  startQdrantDouble,
} from '../helpers/qdrant-double.ts';
import { storeOptions } from '../helpers/qdrant/store-options.ts';

let double: QdrantDouble;
beforeEach(async () => {
  double = await startQdrantDouble();
});
afterEach(() => double[Symbol.asyncDispose]());

const stored = { status: 'stored' };
const superseded = { status: 'superseded' };

const isEventWrite = ({ method, path }: SeenRequest) =>
  method === 'PUT' && path.startsWith('/collections/test_events/points');
const callsTo = (ending: string) =>
  double.requests.filter(({ path }) => path.replace(/\?.*/, '').endsWith(ending)).length;

async function failureOf(work: Promise<unknown>): Promise<DependencyError> {
  const error: unknown = await work.then(
    () => new Error('nothing failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DependencyError);
  if (!(error instanceof DependencyError)) throw error;
  return error;
}

/** Opens a store whose waits the test does not check. */
const opened = (options: QdrantStoreOptions): Promise<VectorStore> =>
  openQdrantStore(options, () => undefined);

async function openedStore(): Promise<VectorStore> {
  const store = await opened(storeOptions(double.url, { timeoutMs: 300 }));
  await store.putTexts([textRecord(1)]);
  return store;
}

describe('a failure of the server or the network', () => {
  it.each([
    [{ kind: 'status', status: 500 }, 'qdrant_failed', /500 Service internal error/],
    [{ kind: 'status', status: 503 }, 'qdrant_failed', /503/],
    [{ kind: 'status', status: 429 }, 'qdrant_busy', /429/],
    [
      { kind: 'status', status: 429, headers: { 'retry-after': '30' } },
      'qdrant_busy',
      /limits the rate of requests/,
    ],
    [
      { kind: 'status', status: 429, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } },
      'qdrant_bad_answer',
      /retryAfter/,
    ],
    [{ kind: 'status', status: 401 }, 'qdrant_denied', /check QDRANT_API_KEY/],
    [{ kind: 'status', status: 403 }, 'qdrant_denied', /check QDRANT_API_KEY/],
    [{ kind: 'status', status: 404 }, 'qdrant_missing', /404/],
    [
      { kind: 'garbage', text: '<html>', contentType: 'text/html' },
      'qdrant_bad_answer',
      /its answer is invalid/,
    ],
    [
      { kind: 'garbage', text: '{"result"', contentType: 'application/json' },
      'qdrant_bad_answer',
      /its answer is invalid/,
    ],
    [
      {
        kind: 'garbage',
        text: '{"result":{"status":"acknowledged"}}',
        contentType: 'application/json',
      },
      'qdrant_bad_answer',
      /acknowledged, not completed/,
    ],
    [{ kind: 'half-an-answer' }, 'qdrant_unreachable', /could not write events/],
    [{ kind: 'no-answer' }, 'qdrant_timeout', /no answer within 300 ms/],
  ] as const)('%j is temporary: the same write is stored later', async (fault, code, message) => {
    const store = await openedStore();
    double.fail(fault, isEventWrite);
    const error = await failureOf(store.putEvents([eventRecord(1)]));
    expect(error).toMatchObject({
      code,
      dependency: 'qdrant',
      retryable: true,
      message: expect.stringMatching(message),
    });
    expect(await store.putEvents([eventRecord(1)])).toEqual([
      fault.kind === 'half-an-answer' ? superseded : stored,
    ]);
    expect((await store.counts()).events).toBe(1);
  });

  it.each([
    ['{"result":7}'],
    ['{"result":[{"id":"x","payload":{}}]}'],
    ['{"result":{}}'],
    ['{}'],
    ['null'],
    ['7'],
  ])('the answer %s to a read is an error, not data', async (text) => {
    const store = await openedStore();
    await store.putEvents([eventRecord(1)]);
    const read = (work: () => Promise<unknown>) => {
      double.fail({ kind: 'garbage', text, contentType: 'application/json' });
      return failureOf(work());
    };
    expect(await read(() => store.event(eventIdOf(1)))).toMatchObject({ retryable: true });
    expect(await read(() => store.events({}, 5))).toMatchObject({ retryable: true });
    expect(await read(() => store.vectors([textIdOf(1)]))).toMatchObject({ retryable: true });
    expect(
      await read(() => store.search({ vector: queryVector, limit: 1, filter: {} })),
    ).toMatchObject({ retryable: true });
  });

  it('a write whose answer is lost is stored once when it is repeated', async () => {
    const store = await openedStore();
    double.fail({ kind: 'answer-lost' }, isEventWrite);
    expect(await failureOf(store.putEvents([eventRecord(1)]))).toMatchObject({ retryable: true });
    expect(await store.putEvents([eventRecord(1)])).toEqual([superseded]);
    expect((await store.counts()).events).toBe(1);
  });

  it('a request that takes too long is cancelled, not just abandoned', async () => {
    const store = await openedStore();
    double.fail({ kind: 'no-answer' }, isEventWrite);
    await failureOf(store.putEvents([eventRecord(1)]));
    await expect.poll(() => double.abandoned.length).toBe(1);
  });
});

/** The server closes the connections of the next requests. */
const closes = (times: number): void => double.fail({ kind: 'closed' }, () => true, times);

describe('idle connections', () => {
  it('that the server closes do not fail a read, which is made once more', async () => {
    const store = await opened(storeOptions(double.url));
    await store.putEvents([eventRecord(1)]);
    const reads: readonly (() => Promise<unknown>)[] = [
      () => store.event(eventIdOf(1)),
      () => store.events({}, 5),
      () => store.vectors([textIdOf(1)]),
      () => store.search({ vector: queryVector, limit: 1, filter: {} }),
      () => store.counts(),
      () => store.countsBy({ by: 'category', filter: {}, limit: 5 }),
    ];
    for (const read of reads) {
      const answer = await read();
      closes(1);
      expect(await read()).toEqual(answer);
    }
  });

  it('fail a read that meets two, and a write at once: it may be applied', async () => {
    const store = await openedStore();
    closes(2);
    expect(await failureOf(store.event(eventIdOf(1)))).toMatchObject({
      code: 'qdrant_unreachable',
      message: expect.stringContaining('other side closed'),
    });
    double.fail({ kind: 'closed' }, isEventWrite);
    const writes = double.requests.filter(isEventWrite).length;
    expect(await failureOf(store.putEvents([eventRecord(1)]))).toMatchObject({ retryable: true });
    expect(double.requests.filter(isEventWrite).length).toBe(writes + 1);
  });

  it('are not used again after 4 s, before the server closes them', async () => {
    const clock = new ManualClock(0);
    const store = await opened(storeOptions(double.url, { clock }));
    await store.counts();
    const before = double.connections();
    await clock.advance(3_999);
    await store.counts();
    expect(double.connections()).toBe(before);
    await clock.advance(1);
    await store.counts();
    expect(double.connections()).toBeGreaterThan(before);
  });
});

describe('refused content', () => {
  it('is not retryable, so that bisecting finds it and the other items are stored', async () => {
    const store = await openedStore();
    const bad = eventIdOf(5);
    double.fail(
      { kind: 'status', status: 400 },
      (request) => isEventWrite(request) && request.body.includes(bad),
      Infinity,
    );
    const outcomes = await writeBisecting(
      Array.from({ length: 9 }, (_, n) => eventRecord(n)),
      (part) => store.putEvents(part),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      'stored',
      'stored',
      'stored',
      'stored',
      'stored',
      'rejected',
      'stored',
      'stored',
      'stored',
    ]);
    expect((await store.counts()).events).toBe(8);
  });

  it('a lone surrogate in a user id does not fail the write', async () => {
    const store = await openedStore();
    const { event, ...rest } = eventRecord(1);
    expect(
      await store.putEvents([{ event: { ...event, userId: 'user-\ud800' }, ...rest }]),
    ).toEqual([stored]);
    expect(await store.events({ userId: 'user-\ud800' }, 5)).toHaveLength(1);
  });
});

describe('a server that cannot be reached', () => {
  it('does not keep the store from opening, which works once the server is up', async () => {
    await double.down();
    const waiting: string[] = [];
    const store = await openQdrantStore(storeOptions(double.url), (why) => waiting.push(why));
    expect(waiting).toEqual([
      expect.stringMatching(/could not report its version: .*ECONNREFUSED/),
    ]);
    expect(await failureOf(store.putTexts([textRecord(1)]))).toMatchObject({
      code: 'qdrant_unreachable',
      retryable: true,
      message: expect.stringContaining(double.url),
    });
    await double.up();
    expect(await store.putTexts([textRecord(1)])).toEqual([stored]);
    expect(callsTo('/index')).toBe(24);
  });

  it('and does not even refuse connections is awaited only briefly', async () => {
    const clock = new ManualClock(0);
    double.fail({ kind: 'no-answer' });
    const waiting: string[] = [];
    const opening = openQdrantStore(storeOptions(double.url, { clock }), (why) =>
      waiting.push(why),
    );
    await expect.poll(() => double.requests.length).toBe(1);
    await clock.advance(3_000);
    await opening;
    expect(waiting).toEqual([`Qdrant at ${double.url} has not answered yet`]);
  });

  it.each([
    ['{}', 'application/json'],
    ['<html>A web page</html>', 'text/html'],
    ['{"version":7}', 'application/json'],
  ])('or is another program, which answers %s, is reported', async (text, contentType) => {
    double.fail({ kind: 'garbage', text, contentType }, undefined, Infinity);
    const store = await opened(storeOptions(double.url));
    expect(await failureOf(store.counts())).toMatchObject({
      code: 'qdrant_bad_answer',
      retryable: true,
      message: expect.stringContaining('is this another program?'),
    });
  });

  it('or is too old to protect newer events is reported, and used once upgraded', async () => {
    double.fail({
      kind: 'garbage',
      text: '{"title":"qdrant","version":"1.15.4"}',
      contentType: 'application/json',
    });
    const store = await opened(storeOptions(double.url));
    expect(await store.counts()).toEqual({ texts: 0, events: 0 });
    double.fail({
      kind: 'garbage',
      text: '{"title":"qdrant","version":"1.15.4"}',
      contentType: 'application/json',
    });
    expect(await failureOf(createQdrantStore(storeOptions(double.url)).counts())).toMatchObject({
      retryable: true,
      message: expect.stringContaining('version 1.15.4'),
    });
  });

  it('keeps what was stored before the outage', async () => {
    const store = await openedStore();
    await store.putEvents([eventRecord(1)]);
    await double.down();
    expect(await failureOf(store.event(eventIdOf(1)))).toMatchObject({
      code: 'qdrant_unreachable',
    });
    await double.up();
    expect((await store.event(eventIdOf(1)))?.id).toBe(eventIdOf(1));
  });

  it('or a deleted collection is created again, and its texts are looked up again', async () => {
    const store = await openedStore();
    await store.putEvents([eventRecord(1)]);
    for (const name of ['test_texts', 'test_events'])
      await fetch(`${double.url}/collections/${name}`, { method: 'DELETE' });
    expect(await failureOf(store.putEvents([eventRecord(1)]))).toMatchObject({
      code: 'qdrant_missing',
      retryable: true,
    });
    expect(await store.putEvents([eventRecord(1)])).toEqual([{ status: 'missing-text' }]);
    await store.putTexts([textRecord(1)]);
    expect(await store.putEvents([eventRecord(1)])).toEqual([stored]);
  });
});

describe('the API key', () => {
  it('opens a secured server, and appears in no error', async () => {
    await using secured = await startQdrantDouble({ apiKey: 'right-key' });
    const good = await opened(storeOptions(secured.url, { apiKey: 'right-key' }));
    expect(await good.counts()).toEqual({ texts: 0, events: 0 });
    const error = await failureOf(
      createQdrantStore(storeOptions(secured.url, { apiKey: 'wrong-key' })).counts(),
    );
    expect(error).toMatchObject({ code: 'qdrant_denied', retryable: true });
    expect(
      `${error.message} ${JSON.stringify(error)} ${JSON.stringify(error.cause)}`,
    ).not.toContain('wrong-key');
  });
});

describe('a collection of another index', () => {
  it.each([
    [
      'dimensions',
      { dimensions: 16 },
      /vectors: 8 dimensions, Cosine there, 16 dimensions, Cosine here/,
    ],
    ['model', { modelId: 'other' }, /model_id: model there, other here/],
    ['revision', { modelRevision: 'newer' }, /model_revision: revision there, newer here/],
    ['template', { templateHash: 'newer' }, /template_hash: template there, newer here/],
  ])('is refused when its %s differ, and the error says what to do', async (_, change, message) => {
    const options = storeOptions(double.url);
    await opened(options);
    const other = { ...options, identity: { ...options.identity, ...change } };
    await expect(opened(other)).rejects.toMatchObject({
      name: 'IndexMismatchError',
      message: expect.stringMatching(message),
    });
    await expect(opened(other)).rejects.toThrow(
      'Set QDRANT_COLLECTION and QDRANT_EVENTS_COLLECTION to new names',
    );
    await expect(createQdrantStore(other).counts()).rejects.toMatchObject({
      name: 'IndexMismatchError',
    });
  });

  it('is used when its revision is compatible, and keeps it for older versions', async () => {
    const options = storeOptions(double.url);
    await opened(options);
    const newer = { modelRevision: 'newer', compatibleRevisions: [options.identity.modelRevision] };
    const identity = { ...options.identity, ...newer };
    await opened({ ...options, identity });
    await opened(options);
    await expect(
      opened({ ...options, identity: { ...identity, templateHash: 'newer' } }),
    ).rejects.toThrow(/\(template_hash: template there, newer here\)/);
  });

  it('is refused when another program created it', async () => {
    await fetch(`${double.url}/collections/test_texts`, {
      method: 'PUT',
      body: JSON.stringify({ vectors: { size: 8, distance: 'Cosine' } }),
    });
    await expect(opened(storeOptions(double.url))).rejects.toThrow(
      'model_id: missing there, model here',
    );
  });

  it('is created as configured, once, by the first of several gateways', async () => {
    const options = {
      ...storeOptions(double.url),
      storage: { vectorsOnDisk: true, quantisation: 'scalar', shards: 3, replicas: 2 },
    } as const;
    await Promise.all([opened(options), opened(options), opened(options)]);
    const { result } = await (await fetch(`${double.url}/collections/test_texts`)).json();
    expect(result.config).toMatchObject({
      params: { vectors: { size: 8, on_disk: true }, shard_number: 3, replication_factor: 2 },
      quantization_config: { scalar: { type: 'int8' } },
    });
    expect(
      (await (await fetch(`${double.url}/collections/test_events`)).json()).result,
    ).toMatchObject({
      config: { params: { vectors: {} } },
      payload_schema: { timestamp: { data_type: 'datetime' } },
    });
  });

  it('is found through an alias', async () => {
    const options = storeOptions(double.url);
    await opened(options);
    const actions = Object.values(options.collections).map((name) => ({
      create_alias: { collection_name: name, alias_name: `live_${name}` },
    }));
    await fetch(`${double.url}/collections/aliases`, {
      method: 'POST',
      body: JSON.stringify({ actions }),
    });
    const store = await opened(storeOptions(double.url, { name: 'live_test' }));
    expect(await store.putTexts([textRecord(1)])).toEqual([stored]);
  });
});
