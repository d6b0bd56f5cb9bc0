// When gateways share a store and meet the same new texts, one does not embed what another has
// stored.

import { describe, expect, test } from 'vitest';
import { documentOf } from '#core/event/text.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { embedUnlessStored } from '#core/pipeline/shared-embedding.ts';
import type { Document, EmbeddingService, FleetResult, ProductEvent } from '#core/ports.ts';

const documents = (count: number): Document[] =>
  Array.from({ length: count }, (_, index) => documentOf(eventOf(`Desk lamp ${index}`)));
const eventOf = (name: string): ProductEvent => ({
  id: name,
  eventId: name,
  timestamp: 0,
  userId: 'u',
  sessionId: 's',
  eventType: 'view',
  searchQuery: null,
  payload: '{}',
  product: { id: name, name, description: null, category: null, price: 1 },
});
const provenance = {
  runnerSession: 's',
  runnerName: 'r',
  device: 'cpu',
  dtype: 'fp32',
  embeddedAt: 0,
  checkedAt: 0,
};
const embedded: FleetResult = { ok: true, embedding: { vector: Float32Array.of(1), provenance } };

/** One runner that takes `perJob` texts every 500 ms, in the order in which they were submitted. */
function slowFleet(clock: ManualClock, perJob: number) {
  const waiting = new Map<string, (result: FleetResult) => void>();
  const begun: string[] = [];
  let isWorking = false;
  const work = async (): Promise<void> => {
    isWorking = true;
    while (waiting.size > 0) {
      const job = [...waiting].slice(0, perJob);
      for (const [text] of job) {
        waiting.delete(text);
        begun.push(text);
      }
      await clock.sleep(500);
      for (const [, resolve] of job) resolve(embedded);
    }
    isWorking = false;
  };
  const service: Pick<EmbeddingService, 'embed'> = {
    embed: (text, { signal }) =>
      new Promise((resolve, reject) => {
        waiting.set(text, resolve);
        signal.addEventListener('abort', () => {
          waiting.delete(text);
          reject(signal.reason);
        });
        queueMicrotask(() => {
          if (!isWorking) void work();
        });
      }),
  };
  return { service, begun };
}

const randomFrom = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

function gateway(
  clock: ManualClock,
  store: Set<string>,
  seed: number,
  look: (ids: readonly string[]) => Promise<ReadonlySet<string>> = async (ids) =>
    new Set(ids.filter((id) => store.has(id))),
) {
  const fleet = slowFleet(clock, 20);
  const stop = new AbortController();
  const embed = embedUnlessStored({
    embedding: fleet.service,
    clock,
    signal: stop.signal,
    random: randomFrom(seed),
    stored: look,
  });
  const results: (FleetResult | null)[] = [];
  const take = async (document: Document): Promise<void> => {
    const result = await embed(document);
    if (result?.ok === true) store.add(document.textId);
    results.push(result);
  };
  return { begun: fleet.begun, results, stop, embed, take };
}

describe('texts that wait for a runner', () => {
  test('are dropped once another gateway stores them, so few are embedded twice', async () => {
    const clock = new ManualClock();
    const store = new Set<string>();
    const gateways = [gateway(clock, store, 1), gateway(clock, store, 2)];
    const all = documents(400);
    const done = Promise.all(gateways.flatMap(({ take }) => all.map(take)));
    await clock.advance(20_000);
    await done;
    expect(store.size).toBe(400);
    for (const { results } of gateways) expect(results).toHaveLength(400);
    // Without sharing they would embed 800. A text is embedded twice when both gateways start it
    // before either has stored it.
    expect(gateways.reduce((sum, { begun }) => sum + begun.length, 0)).toBeLessThan(560);
    expect(clock.sleeping).toBe(0);
  });

  test('are embedded when the look-ups fail', async () => {
    const clock = new ManualClock();
    const store = new Set<string>();
    const { take, results } = gateway(clock, store, 1, () => Promise.reject(new Error('gone')));
    const done = Promise.all(documents(100).map(take));
    await clock.advance(5_000);
    await done;
    expect(results.every((result) => result?.ok === true)).toBe(true);
  });

  test('reject with the reason of the signal when the gateway stops', async () => {
    const clock = new ManualClock();
    const { embed, stop } = gateway(clock, new Set(), 1);
    const waiting = documents(3).map((document) =>
      embed(document).catch((error: unknown) => error),
    );
    await clock.advance(10);
    stop.abort(new Error('the gateway stops'));
    expect(await Promise.all(waiting)).toMatchObject(
      Array.from({ length: 3 }, () => ({ message: 'the gateway stops' })),
    );
    await clock.advance(10_000);
    expect(clock.sleeping).toBe(0);
  });

  test('are embedded in order and never looked up when the store has one gateway', async () => {
    const clock = new ManualClock();
    const fleet = slowFleet(clock, 20);
    const embed = embedUnlessStored({
      embedding: fleet.service,
      clock,
      signal: new AbortController().signal,
      random: () => 0,
      stored: null,
    });
    const all = documents(50);
    const done = Promise.all(all.map(embed));
    await clock.advance(5_000);
    expect(await done).toHaveLength(50);
    expect(fleet.begun).toEqual(all.map(({ text }) => text));
  });
});
