// The pipeline keeps its promises when compared with an independent oracle: reference adapters,
// injected faults and a manual clock.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nothingErased } from '#core/erasure/tombstones.ts';
import { DependencyError } from '#core/errors/errors.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { createMemoryLog } from '#core/memory/memory-log.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { PipelineObserver } from '#core/pipeline/pipeline-observer.ts';
import { defaultPipelineLimits, runPipeline } from '#core/pipeline/pipeline.ts';
import type {
  DeadLetters,
  EmbeddingService,
  EventSource,
  FleetResult,
  LogRecord,
  VectorStore,
} from '#core/ports.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';
import { seeded } from '../helpers/seeded.ts';
import { silentObserver } from '../helpers/silent-observer.ts';
import { unavailable, unreliably, watchedSource } from '../helpers/unreliable.ts';

const startsAt = Date.UTC(2026, 10, 23, 12);
const limits = { ...defaultPipelineLimits, event: eventLimits };
const encode = (text: string) => new TextEncoder().encode(text);

type Kind = 'valid' | 'not-json' | 'bad-price' | 'poison-text' | 'text-refused' | 'store-refuses';
type Sent = { readonly kind: Kind; readonly eventId: string; readonly product: number };

const namePrefixes: Partial<Record<Kind, string>> = {
  'poison-text': 'poison',
  'text-refused': 'refused',
};

function recordOf({ kind, eventId, product }: Sent): LogRecord {
  const name = `${namePrefixes[kind] ?? 'product'} ${product}`;
  const price = kind === 'bad-price' ? -1 : 5;
  const event = {
    event_id: eventId,
    timestamp: '2026-11-23T11:00:00Z',
    user_id: 'u',
    session_id: 's',
    event_type: 'view',
    product: { id: `p${product}`, name, price },
  };
  const value = encode(kind === 'not-json' ? '{"event_id":' : JSON.stringify(event));
  return { key: encode(eventId), value, headers: {}, timestamp: startsAt };
}

const badRequest = () =>
  new DependencyError('store', 'bad_request', 'One point is malformed.', { retryable: false });

const fleetFull = () =>
  new DependencyError('fleet', 'fleet_full', 'The embedding queue is full.', { retryable: true });

/** A world in which everything outside the pipeline fails as the test wants it to. */
function createWorld(
  random: () => number,
  faultRate: number,
  memoryDeadLetters = createMemoryDeadLetters(),
) {
  const clock = new ManualClock(startsAt);
  const memoryStore = createMemoryStore({
    dimensions,
    now: () => clock.now(),
    batchMax: { texts: 5, events: 9 },
  });
  const log = createMemoryLog({ partitions: 3, unsettledMax: 50, batchMax: 7 });
  const ends = { events: new Set<string>(), deadLetters: new Set<string>() };
  const embedded: string[] = [];

  const flaky = <T>(call: () => Promise<T>): Promise<T> =>
    unreliably(call, { clock, random, faultRate, msMax: 20 });

  const store: VectorStore = {
    ...memoryStore,
    knownTexts: (ids) => flaky(() => memoryStore.knownTexts(ids)),
    putTexts: (texts) =>
      flaky(async () => {
        if (texts.some(({ text }) => text.startsWith('refused'))) throw badRequest();
        return memoryStore.putTexts(texts);
      }),
    putEvents: (events) =>
      flaky(async () => {
        if (events.some(({ event }) => event.eventId.startsWith('refused'))) throw badRequest();
        const outcomes = await memoryStore.putEvents(events);
        for (const { event } of events) ends.events.add(event.eventId);
        return outcomes;
      }),
  };
  const deadLetters: DeadLetters = {
    ...memoryDeadLetters,
    put: (added) =>
      flaky(async () => {
        await memoryDeadLetters.put(added);
        for (const { id } of added) ends.deadLetters.add(id);
      }),
  };
  const embedding: EmbeddingService = {
    async embed(text, { signal }): Promise<FleetResult> {
      await clock.sleep(Math.floor(random() * 200), signal);
      if (random() < faultRate) throw fleetFull();
      embedded.push(text);
      if (text.startsWith('poison'))
        return {
          ok: false,
          code: 'embedding_failed',
          message: 'It kills runners.',
          attempts: 3,
          runner: 'r1',
        };
      const provenance = {
        runnerSession: 's',
        runnerName: 'r1',
        device: 'cpu',
        dtype: 'fp32',
        embeddedAt: clock.now(),
        checkedAt: startsAt,
      };
      return { ok: true, embedding: { vector: fakeVector(text), provenance } };
    },
  };
  const watched = (source: EventSource): EventSource =>
    watchedSource(source, ends, (isKept, otherwise) => expect(isKept, otherwise).toBe(true));

  /** Runs until everything is settled, or for `ms` on the clock; then stops or crashes. */
  async function run(
    until: 'drained' | number,
    end: 'stop' | 'crash',
    observer: PipelineObserver = silentObserver,
  ): Promise<void> {
    const source = log.source('group');
    const stop = new AbortController();
    const pipeline = runPipeline({
      erased: nothingErased,
      source: watched(source),
      store,
      deadLetters,
      embedding,
      clock,
      random,
      limits,
      observer,
      isDistrusted: () => false,
      signal: stop.signal,
    });
    const state = { ended: false };
    const outcome = pipeline.finally(() => {
      state.ended = true;
    });
    const stopAt = until === 'drained' ? Infinity : clock.monotonic() + until;
    for (let step = 0; !state.ended && clock.monotonic() < stopAt && step < 100_000; step++) {
      await clock.advance(10);
      if (
        until === 'drained' &&
        source.unsettled() === 0 &&
        (await source.lag()).every(({ lag }) => lag === 0)
      )
        break;
    }
    if (end === 'crash') source.crash();
    stop.abort();
    for (let step = 0; !state.ended && step < 10_000; step++) await clock.advance(10);
    await outcome;
    await source[Symbol.asyncDispose]();
  }

  return { clock, log, memoryStore, memoryDeadLetters, store, embedding, embedded, run };
}

const sentArbitrary = fc
  .array(
    fc.record({
      kind: fc.oneof(
        { weight: 6, arbitrary: fc.constant<Kind>('valid') },
        {
          weight: 3,
          arbitrary: fc.constantFrom<Kind>(
            'not-json',
            'bad-price',
            'poison-text',
            'text-refused',
            'store-refuses',
          ),
        },
      ),
      product: fc.integer({ min: 0, max: 12 }),
    }),
    { maxLength: 60 },
  )
  .map((items): Sent[] =>
    items.map(({ kind, product }, index) => ({
      kind,
      product,
      eventId: `${kind === 'store-refuses' ? 'refused' : 'event'}-${index}`,
    })),
  );

/** The order in which new texts are embedded beside other gateways. */
async function orderOf(seed: number): Promise<readonly string[]> {
  const world = createWorld(seeded(seed).next, 0);
  Object.assign(world.store, { kind: 'qdrant' });
  await world.log.sink.append(
    Array.from({ length: 40 }, (_, index) =>
      recordOf({ kind: 'valid', eventId: `event-${index}`, product: index }),
    ),
  );
  await world.run('drained', 'stop');
  return world.embedded;
}

describe('the pipeline', () => {
  test('every event ends once, stored or dead-lettered, through faults and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(
        sentArbitrary,
        fc.integer(),
        fc.double({ min: 0, max: 0.4, noNaN: true }),
        fc.array(fc.integer({ min: 10, max: 2_000 }), { maxLength: 3 }),
        async (sent, seed, faultRate, crashesAfterMs) => {
          const world = createWorld(seeded(seed).next, faultRate);
          await world.log.sink.append(sent.map(recordOf));
          for (const ms of crashesAfterMs) await world.run(ms, 'crash');
          await world.run('drained', 'stop');

          const stored = await world.memoryStore.events({}, 1_000);
          const deadLetters = await world.memoryDeadLetters.list({
            limit: 1_000,
            valueBytesMax: 0,
          });
          const idsOf = (...kinds: Kind[]) =>
            sent
              .filter(({ kind }) => kinds.includes(kind))
              .map(({ eventId }) => uuidV5(eventId))
              .toSorted();
          expect(stored.map(({ id }) => id).toSorted()).toEqual(idsOf('valid'));
          const reasons = Object.groupBy(deadLetters, ({ reason }) => reason);
          expect(reasons.not_json?.length ?? 0).toBe(idsOf('not-json').length);
          expect(reasons.invalid_event?.length ?? 0).toBe(idsOf('bad-price').length);
          expect(reasons.embedding_failed?.length ?? 0).toBe(idsOf('poison-text').length);
          expect(reasons.store_rejected?.length ?? 0).toBe(
            idsOf('store-refuses', 'text-refused').length,
          );
          for (const event of stored) {
            const [vector] = (await world.memoryStore.vectors([event.textId])).values();
            expect(vector).toBeDefined();
          }
          expect(world.clock.sleeping).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a bad record at a reused offset becomes a second dead letter', async () => {
    const queue = createMemoryDeadLetters();
    const lives = ['of the first topic', 'of the topic that replaced it'];
    for (const life of lives) {
      const world = createWorld(seeded(5).next, 0, queue);
      const bad = recordOf({ kind: 'not-json', eventId: 'event-0', product: 1 });
      await world.log.sink.append([{ ...bad, value: encode(life) }]);
      await world.run('drained', 'crash');
      await world.run('drained', 'stop');
    }
    const deadLetters = await queue.list({ limit: 10, valueBytesMax: 100 });
    expect(deadLetters.map(({ value }) => new TextDecoder().decode(value)).toSorted()).toEqual(
      lives,
    );
    expect(new Set(deadLetters.map(({ origin }) => origin.offset)).size).toBe(1);
  });

  test('another raw id under a stored id makes a dead letter that says why', async () => {
    const world = createWorld(seeded(6).next, 0);
    const uuid = uuidV5('order-7');
    await world.log.sink.append([
      recordOf({ kind: 'valid', eventId: 'order-7', product: 1 }),
      recordOf({ kind: 'valid', eventId: 'order-8', product: 1 }),
    ]);
    await world.run('drained', 'stop');
    await world.log.sink.append([
      recordOf({ kind: 'valid', eventId: uuid.toUpperCase(), product: 2 }),
    ]);
    await world.run('drained', 'stop');
    expect(await world.memoryDeadLetters.list({ limit: 10, valueBytesMax: 0 })).toMatchObject([
      {
        reason: 'id_conflict',
        field: 'event_id',
        eventId: uuid.toUpperCase(),
        message: expect.stringMatching(/^event_id: got "[0-9A-F-]+", .* "order-7" .*; allowed: /),
      },
    ]);
    expect((await world.memoryStore.counts()).events).toBe(2);
  });

  test('a text is embedded once for all its events, and never again once stored', async () => {
    const world = createWorld(seeded(1).next, 0);
    const send = (from: number, count: number) =>
      world.log.sink.append(
        Array.from({ length: count }, (_, index) =>
          recordOf({ kind: 'valid', eventId: `event-${from + index}`, product: index % 5 }),
        ),
      );
    await send(0, 200);
    await world.run('drained', 'crash');
    await send(200, 200);
    await world.run('drained', 'stop');
    expect(world.embedded.toSorted()).toEqual([
      'product 0',
      'product 1',
      'product 2',
      'product 3',
      'product 4',
    ]);
    expect(await world.memoryStore.counts()).toEqual({ texts: 5, events: 400 });
  });

  test('beside other gateways new texts go in an order that the injected random sets', async () => {
    expect(await orderOf(7)).toEqual(await orderOf(7));
    expect(await orderOf(7)).not.toEqual(await orderOf(8));
  });

  test('while the store is down intake pauses; nothing is dead-lettered, all resumes', async () => {
    const world = createWorld(seeded(2).next, 0);
    const putEvents = world.store.putEvents.bind(world.store);
    const isDown = () => world.clock.monotonic() < 60_000;
    world.store.putEvents = (events) =>
      isDown() ? Promise.reject(unavailable()) : putEvents(events);
    await world.log.sink.append(
      Array.from({ length: 500 }, (_, index) =>
        recordOf({ kind: 'valid', eventId: `event-${index}`, product: 1 }),
      ),
    );
    const states: string[] = [];
    let receivedWhileDown = 0;
    const observer: PipelineObserver = {
      ...silentObserver,
      received: (count) => {
        if (isDown()) receivedWhileDown += count;
      },
      circuit: (dependency, state) => {
        states.push(`${dependency} ${state}`);
      },
    };
    await world.run('drained', 'stop', observer);
    expect(receivedWhileDown).toBeLessThanOrEqual(150);
    expect(states.at(0)).toBe('store open');
    expect(states.at(-1)).toBe('store closed');
    expect((await world.memoryStore.counts()).events).toBe(500);
    expect(await world.memoryDeadLetters.list({ limit: 10, valueBytesMax: 0 })).toEqual([]);
  });

  test('a fleet that is full for seconds ends nothing, and no event is lost', async () => {
    const world = createWorld(seeded(6).next, 0);
    const embed = world.embedding.embed.bind(world.embedding);
    world.embedding.embed = (text, options) =>
      world.clock.monotonic() < 5_000 ? Promise.reject(fleetFull()) : embed(text, options);
    await world.log.sink.append(
      Array.from({ length: 100 }, (_, index) =>
        recordOf({ kind: 'valid', eventId: `event-${index}`, product: index }),
      ),
    );
    const retried = new Set<string>();
    const observer: PipelineObserver = {
      ...silentObserver,
      retried: (name) => void retried.add(name),
    };
    await world.run('drained', 'stop', observer);
    expect((await world.memoryStore.counts()).events).toBe(100);
    expect(await world.memoryDeadLetters.list({ limit: 10, valueBytesMax: 0 })).toEqual([]);
    expect([...retried]).toEqual(['fleet']);
  });

  test('a text that the store lost is put again, and then its event', async () => {
    const world = createWorld(seeded(3).next, 0);
    await world.log.sink.append([recordOf({ kind: 'valid', eventId: 'event-0', product: 1 })]);
    const putEvents = world.store.putEvents.bind(world.store);
    let losses = 0;
    world.store.knownTexts = () => Promise.resolve(new Set());
    world.store.putEvents = async (events) =>
      losses++ < 2 ? events.map(() => ({ status: 'missing-text' as const })) : putEvents(events);
    await world.run('drained', 'stop');
    expect((await world.memoryStore.counts()).events).toBe(1);
    expect(world.embedded).toEqual(['product 1', 'product 1', 'product 1']);
  });

  test('a stop without runners is bounded and leaves the events for the next start', async () => {
    const world = createWorld(seeded(4).next, 0);
    await world.log.sink.append([
      recordOf({ kind: 'valid', eventId: 'event-0', product: 1 }),
      recordOf({ kind: 'not-json', eventId: 'event-1', product: 1 }),
    ]);
    const source = world.log.source('group');
    const stop = new AbortController();
    const noRunner: EmbeddingService = {
      embed: (_, { signal }) =>
        world.clock
          .sleep(Infinity, signal)
          .then(() => Promise.reject(new Error('No runner came.'))),
    };
    const pipeline = runPipeline({
      erased: nothingErased,
      source,
      store: world.store,
      deadLetters: world.memoryDeadLetters,
      embedding: noRunner,
      clock: world.clock,
      random: Math.random,
      limits,
      observer: silentObserver,
      isDistrusted: () => false,
      signal: stop.signal,
    });
    await world.clock.advance(1_000);
    const stoppedAt = world.clock.monotonic();
    stop.abort();
    await world.clock.advance(0);
    await pipeline;
    expect(world.clock.monotonic() - stoppedAt).toBeLessThanOrEqual(limits.drainMsMax);
    await source[Symbol.asyncDispose]();
    await world.run('drained', 'stop');
    expect((await world.memoryStore.counts()).events).toBe(1);
    expect(await world.memoryDeadLetters.list({ limit: 10, valueBytesMax: 0 })).toHaveLength(1);
  });
});
