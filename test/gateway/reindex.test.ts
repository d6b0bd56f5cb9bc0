// A fresh index beside the one in use: what it is named, what it reads, and whom it never holds.

import { describe, expect, test } from 'vitest';
import type { Tombstone } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { keyedMarks } from '../../gateway/erasure/keyed-marks.ts';
import { eraseCovered, liveErasures, takeOver } from '../../gateway/reindex/live-erasures.ts';
import { ownFlags } from '../../gateway/reindex/reindex-flags.ts';
import { reindexPlan, type ReindexRequest } from '../../gateway/reindex/reindex-plan.ts';
import { openFolder, temporaryFolder } from '../adapters/embedded-harness.ts';
import { eventRecord, noon, textRecord } from '../conformance/store-records.ts';

const onKafka = {
  KAFKA_BROKERS: '127.0.0.1:9092',
  KAFKA_TOPICS: 'orders=shopify-orders,^web[.].+=segment',
};
const config = (env: Record<string, string> = onKafka) =>
  parseConfig({ yaml: null, env, flags: new Map() });
const range: ReindexRequest = { from: '2026-01-01', to: null, topic: null, name: null };
const changed = (request: Partial<ReindexRequest>, env = onKafka) =>
  Object.fromEntries(reindexPlan(config(env), { ...range, ...request }).settings);

describe('the settings of a fresh index', () => {
  test('give it a group, collections and a folder of its own, and tell no sink', () => {
    const sink = { ...onKafka, VECTORSTREAM_SINK_TOPIC: 'vectors' };
    const { settings } = reindexPlan(config(sink), range);
    const input = { yaml: null, env: sink, flags: new Map<string, string>() };
    expect(new Settings(input, settings).config).toMatchObject({
      kafka: {
        groupId: 'vectorstream.reindex.2026-01-01',
        from: '2026-01-01',
        until: null,
        topic: 'ecommerce-events',
        dlqTopic: 'ecommerce-events.dlq',
      },
      gateway: { dataDir: '.vectorstream-2026-01-01' },
      qdrant: {
        collection: 'ecommerce_embeddings_2026-01-01',
        eventsCollection: 'ecommerce_events_2026-01-01',
        productsCollection: 'ecommerce_products',
      },
      sink: { topic: null },
    });
  });

  test('are the same for the same range, so that a second run goes on', () => {
    const ranged = { to: '2026-02-01T12:00:00Z', topic: 'orders' };
    expect(changed(ranged)).toEqual(changed(ranged));
    expect(changed(ranged)['kafka.groupId']).not.toBe(changed({})['kafka.groupId']);
    expect(changed({ ...ranged, name: 'spring' })['kafka.groupId']).toMatch(/reindex\.spring$/);
  });

  test('read one topic by its own mapping, and only one that is read', () => {
    expect(changed({ topic: 'web.eu' })).toMatchObject({
      'kafka.topic': 'web.eu',
      'kafka.topics': ['web.eu=segment'],
      'kafka.dlqTopic': 'ecommerce-events.dlq',
    });
    expect(changed({ topic: 'ecommerce-events' })).toMatchObject({ 'kafka.topics': [] });
    expect(() => changed({ topic: 'order' })).toThrow(/--topic is "order", which is not read/);
  });

  test('say what a switch needs, for each kind of store', () => {
    expect(reindexPlan(config(), range).switchOver).toEqual([
      'KAFKA_GROUP_ID=vectorstream.reindex.2026-01-01',
      'VECTORSTREAM_DATA_DIR=.vectorstream-2026-01-01',
    ]);
    const qdrant = config({ ...onKafka, QDRANT_URL: 'http://127.0.0.1:6333' });
    expect(reindexPlan(qdrant, range).switchOver).toEqual([
      'KAFKA_GROUP_ID=vectorstream.reindex.2026-01-01',
      'QDRANT_COLLECTION=ecommerce_embeddings_2026-01-01',
      'QDRANT_EVENTS_COLLECTION=ecommerce_events_2026-01-01',
    ]);
  });

  test('need Kafka, and times that can be read', () => {
    expect(() => reindexPlan(config({}), range)).toThrow(/embedded log: set KAFKA_BROKERS/);
    expect(() => changed({ from: 'latest' })).toThrow(/--from is "latest"/);
    expect(() => changed({ to: '31.01.2026' })).toThrow(/--to is "31.01.2026"/);
  });
});

test('the flags of the range are its own, and all others are settings', () => {
  expect(ownFlags(['--from', '2026-01-01', '--port', '8081', '--to=2026-02-01'])).toEqual({
    own: { ...range, to: '2026-02-01' },
    others: ['--port', '8081'],
  });
  expect(() => ownFlags(['--to', '2026-02-01'])).toThrow(/--from is missing/);
  expect(() => ownFlags(['--from'])).toThrow(/--from needs a value/);
  expect(() => ownFlags(['--from', 'earliest', '--name', 'a b'])).toThrow(/--name is "a b"/);
});

test('takes over who was erased, and erases who was erased meanwhile', async () => {
  await using folder = await temporaryFolder();
  await using live = await openFolder(`${folder.path}/live`);
  await using fresh = await openFolder(`${folder.path}/fresh`);
  const inUse = config({ ...onKafka, VECTORSTREAM_DATA_DIR: `${folder.path}/live` });
  const none = config({ ...onKafka, VECTORSTREAM_DATA_DIR: `${folder.path}/none` });
  expect(await liveErasures(none, systemClock)).toEqual({ key: null, tombstones: [] });

  const { erasureStore } = live.store;
  const mark = keyedMarks(await erasureStore.key());
  const erased = (id: string, at: number): Tombstone => ({ mark: mark({ kind: 'user', id }), at });
  await erasureStore.addTombstones([erased('user-1', noon)]);
  await takeOver(await liveErasures(inUse, systemClock), fresh.store.erasureStore);
  expect([...(await fresh.store.erasureStore.key())]).toEqual([...(await erasureStore.key())]);
  expect(await fresh.store.erasureStore.tombstonesSince(0)).toEqual([erased('user-1', noon)]);

  await fresh.store.putTexts([textRecord(1)]);
  const events = [1, 2, 3].map((n) => eventRecord(n));
  await fresh.store.putEvents(
    events.map(({ event, ...record }) => ({
      ...record,
      event: { ...event, payload: JSON.stringify({ user_id: event.userId }) },
    })),
  );
  await erasureStore.addTombstones([erased('user-2', noon), erased('user-3', noon - 1)]);
  expect(await eraseCovered(await liveErasures(inUse, systemClock), fresh.store)).toBe(2);
  const left = await fresh.store.events({}, 10);
  expect(left.map(({ payload }) => payload)).toEqual(['{"user_id":"user-3"}']);
});
