// Data written by commit d644d36, in a data folder and in Qdrant, can be opened, searched and
// extended.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rawIdOf } from '#core/event/event-id.ts';
import { ownEventTypes } from '#core/event/event-types.ts';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { documentOf } from '#core/event/text.ts';
import type { Document, EventRecord } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { openGatewayModel } from '../../gateway/fleet/open-model.ts';
import { openQdrantStore } from '../../gateway/qdrant/qdrant-store.ts';
import { expectNotEmbeddedAgain } from '../helpers/exactly-once.ts';
import {
  collections,
  eventsOf,
  lasting,
  deadLettersOf,
  openOlderData,
} from '../helpers/older-data.ts';
import { schemaOf, search, send, type OlderData, type OlderEvent } from '../helpers/older-data.ts';
import { dumpOf, type DumpedPoint } from '../helpers/qdrant/dump.ts';
import { readStore, readVectors } from '../helpers/store-file.ts';

const model = 'models/all-MiniLM-L6-v2';
/** The identity of these vectors, whose revision the model lists as compatible. */
const identity = {
  modelId: 'sentence-transformers/all-MiniLM-L6-v2',
  modelRevision: '1f3d84417748db4890915d21b16c42787418fd49db1c262addafdd73f3199b46',
  dimensions: 384,
  templateHash: 'e6f9dc5625ed19da3106129f6e96396bca92d2cdbf825d4283dd15aa1b890193',
};
const kettleText = 'f830d35e-16d9-5ed2-b79c-ca840e2d02a2';

const resources = new AsyncDisposableStack();
let world: OlderData;
beforeAll(async () => {
  world = await openOlderData(resources);
});
afterAll(() => resources.disposeAsync());

const deadLetterIdOf = (eventId: string): string =>
  world.answers.deadLetters.find(({ event_id: id }) => id === eventId)?.id ?? 'no such dead letter';
const replay = (id: string, body: object = {}) =>
  world.embedded.post(`/dlq/replay/${id}`, JSON.stringify(body));

/** The newest version of an event as it was sent. */
function sent(eventId: string): object {
  return world.answers.events.find(({ event }) => event.event_id === eventId)?.event ?? {};
}

/** The expected first hits, the same in both stores. */
const found = [
  ['wireless headphones for the gym', {}, 'Wireless over-ear headphones, Electronics'],
  ['warm clothes for winter', {}, 'Down winter jacket, Clothing'],
  ['a lamp for camping', { category: 'Garden' }, 'Storm lantern, Garden'],
  ['théière', {}, 'Théière japonaise en fonte, Cuisine: Avec filtre, 0,8 litre'],
  ['暖かいマフラー', {}, '手編みのウールマフラー, 衣類: 冬用、とても暖かい'],
  ['something to boil water in', { price_max: 35, event_type: 'view' }, 'Enamel kettle, Kitchen'],
  ['cafe', { product_id: 'p-cafe' }, 'Café crème cups, Kitchen: Set of six 😀'],
  ['headphones', { event_type: 'search' }, 'wireless headphones for the gym'],
  ['tea', { user_id: 'u-zoé' }, 'Théière japonaise'],
  ['a lamp', { since: '2025-03-03T10:30:00Z' }, 'Storm lantern, Outdoor'],
  ['music', { session_id: 's-3' }, 'Wireless over-ear headphones, Electronics'],
] as const;

const newKettle = {
  event_id: 'newer-1',
  timestamp: '2025-04-01T08:00:00Z',
  user_id: 'u-9',
  session_id: 's-9',
  event_type: 'view',
  product: {
    id: 'p-kettle',
    name: 'Enamel kettle',
    category: 'Kitchen',
    price: 29.9,
    description: 'Red, 2 litres, whistles when the water boils',
  },
};
const newRug = {
  ...newKettle,
  event_id: 'newer-2',
  event_type: 'purchase',
  quantity: 1,
  total_amount: 95,
  product: { id: 'p-rug', name: 'Hand-knotted woollen rug', category: 'Furniture', price: 95 },
};

describe('an older data folder', () => {
  test('has the index and the schema that a new folder has', async () => {
    const { before, folders } = world;
    const { compatibleRevisions, olderTokenizers, olderGoldenTexts, ...now } = (
      await openGatewayModel(model)
    ).identity;
    expect(compatibleRevisions).toContain(identity.modelRevision);
    expect(olderTokenizers).toEqual([identity.modelRevision]);
    expect(olderGoldenTexts).toEqual({ [identity.modelRevision]: 24 });
    expect({ ...now, modelRevision: identity.modelRevision }).toEqual(identity);
    const { modelId, modelRevision, templateHash } = identity;
    const parts = [`model ${modelId}`, `revision ${modelRevision}`, '384 dimensions'];
    expect(before.identity).toBe([...parts, `text template ${templateHash}`].join(', '));
    expect(before.schema.version).toBe(3);
    const upgraded = schemaOf(folders.old);
    expect(upgraded.identity).toBe(before.identity);
    expect(schemaOf(folders.fresh).schema).toEqual(upgraded.schema);
    // Opening it has added a column, an index, what erases persons, the words of texts and who may
    // not join, and given another index more to hold.
    const asBefore = upgraded.schema.objects
      .filter(
        (told) =>
          !/^index events_by_product|tombstones|^table erasures|^\S+ (text_)?word|runner_blocks|products/.test(
            told,
          ),
      )
      .map((told) =>
        told
          .replace(' , raw_id TEXT)', ' )')
          .replace(
            ", timestamp, json_extract(payload, '$.product.id'), event_type)",
            ', timestamp)',
          ),
      );
    expect({ ...upgraded.schema, objects: asBefore }).toEqual(before.schema);
  });

  test('keeps its events, settings and dead letters unchanged', async () => {
    const { embedded, answers } = world;
    expect(answers.events).toHaveLength(27);
    const events = await eventsOf(embedded);
    const settled = events.filter(({ event }) => !event.event_id.startsWith('waiting-'));
    expect(settled).toEqual(answers.events);
    expect(await deadLettersOf(world.embedded)).toEqual(answers.deadLetters);
    expect(
      answers.deadLetters.map(({ state, reason, event_id: id }) => [id, reason, state]),
    ).toEqual([
      ['waiting-invalid', 'invalid_event', 'open'],
      ['older-type', 'invalid_event', 'open'],
      ['older-by-hand', 'store_rejected', 'open'],
      [null, 'not_json', 'open'],
      ['older-time', 'invalid_event', 'purged'],
      ['older-blank-query', 'invalid_event', 'open'],
      ['older-type', 'invalid_event', 'replayed'],
      ['older-no-product', 'invalid_event', 'replayed'],
      ['older-price', 'invalid_event', 'open'],
    ]);
    expect((await embedded.get('/dlq/stats')).body).toMatchObject({
      by_state: { open: 6, replayed: 2, purged: 1 },
    });
    expect((await embedded.get('/config')).body).toMatchObject({
      search: { queryCacheMax: { value: 500, origin: 'override' } },
    });
  });

  test('finishes the accepted events that were not stored yet', async () => {
    const { embedded, before, folders } = world;
    expect(before.texts.size).toBe(15);
    expect(before.eventIds).toHaveLength(28);
    expect([before.log.length, before.committed]).toEqual([42, 37]);
    // The invalid event was a dead letter before, and stays the same one.
    expect(await embedded.stats()).toMatchObject({
      events: { received: 5, dead_lettered: 1, lag: 0, unsettled: 0 },
      texts: { embedded: 3 },
      store: { texts: 18, events: 32 },
      dead_letters: { open: 6 },
    });
    for (const id of [1, 2, 3, 4, 5]) {
      expect(await embedded.get(`/events/waiting-${id}`)).toMatchObject({ status: 200 });
    }
    expect((await search(embedded, 'camping tent for two'))[0]?.text).toContain('Two-person tent');
    const after = readStore(folders.old);
    expect(after.texts.size).toBe(18);
    expectNotEmbeddedAgain(before, after);
  });

  test.for(found)('finds by meaning: %s %j', async ([query, filter, text]) => {
    expect((await search(world.embedded, query, filter))[0]?.text).toContain(text);
  });

  test('accepts new events: embeds only new texts', async () => {
    const { embedded, before, folders, oldVectors } = world;
    const { store, texts } = await embedded.stats();
    const after = await send(embedded, newKettle, newRug);
    expect(after.store).toMatchObject({ texts: store.texts + 1, events: store.events + 2 });
    expect(after.texts.embedded).toBe(texts.embedded + 1);
    expect((await embedded.get('/events/newer-1')).body).toMatchObject({
      id: '93cf6370-326a-56fb-afaf-7d6c05283c41',
      text_id: kettleText,
      event: newKettle,
    });
    expect((await search(embedded, 'carpet', { price_min: 50 }))[0]?.text).toContain('woollen rug');
    expectNotEmbeddedAgain(before, readStore(folders.old));
    const vectors = new Map(readVectors(folders.old).map((vector) => [vector.text, vector]));
    expect(oldVectors.map(({ text }) => vectors.get(text))).toEqual(oldVectors);
  });

  test('stores events that it has only once, in the newest version', async () => {
    const { embedded } = world;
    const { store, events } = await embedded.stats();
    const newer = { ...sent('older-03'), timestamp: '2025-04-02T08:00:00Z', view_duration: 7 };
    const older = { ...sent('older-04'), timestamp: '2025-01-01T00:00:00Z', quantity: 50 };
    const upper = 'A3C5E7F0-1B2D-4E6F-8A9B-0C1D2E3F4A5B';
    const after = await send(embedded, sent('older-01'), sent(upper), older, newer);
    expect(after.store).toMatchObject({ texts: store.texts, events: store.events });
    expect(after.events.superseded).toBe(events.superseded + 3);
    expect((await embedded.get('/events/older-03')).body).toMatchObject({ event: newer });
    const kept = { event: sent('older-04') };
    expect((await embedded.get('/events/older-04')).body).toMatchObject(kept);
  });

  test('replays its dead letters once each, and none that was purged', async () => {
    const { embedded } = world;
    const [second] = world.answers.deadLetters.filter(({ event_id: id }) => id === 'older-type');
    expect(second).toMatchObject({ redrive_count: 1 });
    const payload = { ...newKettle, event_id: 'older-price' };
    expect(await replay(deadLetterIdOf('older-price'), { payload })).toMatchObject({ status: 200 });
    const typed = { ...newKettle, event_id: 'older-type' };
    expect(await replay(second?.id ?? '', { payload: typed })).toMatchObject({ status: 200 });
    for (const [id, status] of [
      ['older-no-product', 409],
      ['older-time', 409],
      ['older-by-hand', 422],
    ] as const)
      expect(await replay(deadLetterIdOf(id)), id).toMatchObject({ status });
    await embedded.idle();
    expect((await embedded.get('/events/older-price')).body).toMatchObject({ event: payload });
    expect((await embedded.get('/events/older-type')).body).toMatchObject({ event: typed });
    expect((await embedded.get(`/dlq/messages/${second?.id}`)).body).toMatchObject({
      state: 'replayed',
      redrive_count: 2,
    });
    expect(await deadLettersOf(world.embedded)).toHaveLength(9);
  });
});

const textAt = ({ payload }: DumpedPoint, key: string): string => String(payload[key]);
const timeAt = (point: DumpedPoint, key: string): number => Date.parse(textAt(point, key));

/** The event of a point, parsed and given its id by the present code. */
function recordOf(point: DumpedPoint): EventRecord & Pick<Document, 'kind' | 'text'> {
  const event = parseEvent(new TextEncoder().encode(textAt(point, 'payload')), Date.now());
  if (isRejection(event)) throw new Error(event.message);
  const { textId, kind, text } = documentOf(event);
  return { event, textId, kind, text, ingestedAt: timeAt(point, 'ingested_at') };
}

describe('older Qdrant collections', () => {
  test('equal what the same events produce now: indexes, ids and payloads', async () => {
    const { double, dump } = world;
    const [texts = [], events = []] = collections.map((name) => dump[name]?.points);
    expect([texts.length, events.length]).toEqual([15, 27]);
    await using store = await openQdrantStore(
      {
        url: double.url,
        apiKey: null,
        timeoutMs: 10_000,
        identity,
        clock: systemClock,
        searchPlan: 'auto',
        eventTypes: ownEventTypes.names,
        collections: { texts: 'fresh', events: 'fresh_events', products: 'fresh_products' },
        storage: { vectorsOnDisk: false, quantisation: 'none', shards: 1, replicas: 1 },
      },
      (why) => expect.fail(why),
    );
    const records = events.map(recordOf);
    const stored = { status: 'stored' };
    const put = await store.putTexts(
      texts.map((point) => {
        const of = records.filter(({ textId }) => textId === point.id);
        // The newest version of an event may have another text; the old text stays for a while.
        const { product } = point.payload;
        const newest = of.find(({ event }) => event.product?.price === priceOf(product)) ?? of[0];
        if (newest === undefined) throw new Error(`No event has the text ${point.id}.`);
        return {
          id: newest.textId,
          text: newest.text,
          kind: newest.kind,
          product: newest.kind === 'query' ? null : newest.event.product,
          embedding: {
            vector: Float32Array.from(point.vector ?? []),
            provenance: {
              runnerSession: textAt(point, 'runner_session'),
              runnerName: textAt(point, 'runner_name'),
              device: textAt(point, 'device'),
              dtype: textAt(point, 'dtype'),
              embeddedAt: timeAt(point, 'embedded_at'),
              checkedAt: timeAt(point, 'checked_at'),
            },
          },
        };
      }),
    );
    expect(put).toEqual(texts.map(() => stored));
    expect(await store.putEvents(records)).toEqual(records.map(() => stored));
    const names = ['fresh', 'fresh_events', 'fresh_sessions'];
    const made = lasting(await dumpOf(double.url, names), names);
    // The raw id is what has been added since; events without it are used as they are.
    const rawIds = made[1]?.points.map(({ payload }) => Reflect.get(payload, 'raw_id'));
    expect(rawIds).toEqual(
      records
        .toSorted((a, b) => (a.event.id < b.event.id ? -1 : 1))
        .map(({ event }) => rawIdOf(event.eventId)),
    );
    for (const { payload } of made[1]?.points ?? []) Reflect.deleteProperty(payload, 'raw_id');
    expect(made).toEqual(lasting(dump, collections));
    expect(texts.map(({ id }) => id)).toContain(kettleText);
  });

  test('are used unchanged: every event is there, and no text is embedded again', async () => {
    const { onQdrant, answers, double, dump } = world;
    expect(await onQdrant.stats()).toMatchObject({
      store: { texts: 15, events: 27 },
      texts: { embedded: 0 },
    });
    expect((await eventsOf(onQdrant)).map(alike)).toEqual(answers.events.map(alike));
    const now = await dumpOf(double.url, collections);
    expect(lasting(now, collections)).toEqual(lasting(dump, collections));
  });

  test.for(found)('are searched by meaning: %s %j', async ([query, filter, text]) => {
    expect((await search(world.onQdrant, query, filter))[0]?.text).toContain(text);
  });

  test('accept new events and newer versions, but no older ones', async () => {
    const { onQdrant, double, dump } = world;
    const newer = { ...sent('older-03'), timestamp: '2025-04-02T08:00:00Z', view_duration: 7 };
    const older = { ...sent('older-04'), timestamp: '2025-01-01T00:00:00Z', quantity: 50 };
    // Embedded texts include search queries.
    const {
      texts: { embedded },
    } = await onQdrant.stats();
    const after = await send(onQdrant, newKettle, newRug, sent('older-01'), older, newer);
    expect(after).toMatchObject({
      store: { texts: 16, events: 29 },
      texts: { embedded: embedded + 1 },
      events: { superseded: 2 },
    });
    expect((await search(onQdrant, 'carpet'))[0]?.text).toContain('woollen rug');
    expect((await onQdrant.get('/events/older-03')).body).toMatchObject({ event: newer });
    const kept = { event: sent('older-04') };
    expect((await onQdrant.get('/events/older-04')).body).toMatchObject(kept);
    const [before, now] = [dump, await dumpOf(double.url, collections)].map(
      (each) => lasting(each, ['ecommerce_embeddings'])[0]?.points ?? [],
    );
    const rug = now?.find(({ payload }) => textIn(payload).startsWith('Hand-knotted woollen rug'));
    expect(now?.filter((point) => point !== rug)).toEqual(before);
    expect(Object.keys(rug?.payload ?? {})).toEqual(Object.keys(before?.[0]?.payload ?? {}));
  });
});

const textIn = (payload: DumpedPoint['payload']): string => String(payload['text']);

/** Without the time of ingestion. */
function alike({ id, text_id, timestamp, event }: OlderEvent): Omit<OlderEvent, 'ingested_at'> {
  return { id, text_id, timestamp, event };
}

function priceOf(product: unknown): number | undefined {
  return z.looseObject({ price: z.number() }).safeParse(product).data?.price;
}
