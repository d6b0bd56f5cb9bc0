// A gateway that is killed while it embeds the catalogue leaves no product that waits for ever.

import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { textIdOf } from '#core/event/text-id.ts';
import { productText } from '#core/event/text.ts';
import type { CatalogueProduct, EmbeddingService } from '#core/ports.ts';
import { systemClock } from '#core/time/clock.ts';
import { Settings } from '../../gateway/config/live-settings.ts';
import { runCatalogue } from '../../gateway/startup/catalogue-work.ts';
import { pipelineLimits } from '../../gateway/startup/live-limits.ts';
import { createLog } from '../../gateway/telemetry/gateway-log.ts';
import { textRecord } from '../conformance/store-records.ts';
import { until } from '../helpers/until.ts';
import { reopening } from './embedded-harness.ts';

const productCount = 400;
const products = Array.from({ length: productCount }, (_, n): CatalogueProduct => {
  const described = { id: `p${n}`, name: `Kettle ${n}`, description: null, category: null };
  const listed = { brand: null, image: null, url: null, stock: null, attributes: {} };
  return { ...described, price: n, ...listed };
});
const textIds = products.map((product) => textIdOf(productText(product)));
const { embedding } = textRecord(1);
const { config } = new Settings({ yaml: null, env: {}, flags: new Map() });
const quiet = createLog({
  level: 'silent',
  format: 'json',
  secrets: new Set(),
  destination: { write: () => undefined },
});

it('every product ends searchable, and what was stored is not embedded again', async () => {
  await using folder = await reopening();
  const { store } = await folder.get();
  await store.catalogue.put(
    products.map((product, n) => ({
      id: product.id,
      updatedAt: 1,
      product,
      textId: textIds[n] ?? null,
    })),
  );
  const storedBefore: number[] = [];

  /** Embeds until a number of texts was embedded, then kills the threads of the database. */
  const live = async (killAfter: number): Promise<void> => {
    const life = await folder.get();
    const stored = await life.store.knownTexts(textIds);
    storedBefore.push(stored.size);
    const stop = new AbortController();
    const embedded: string[] = [];
    let last: Promise<unknown> = Promise.resolve();
    const oneByOne: EmbeddingService = {
      async embed(text, { signal }) {
        last = last.then(() => setImmediate());
        await last;
        signal.throwIfAborted();
        if (embedded.length >= killAfter) await once(signal, 'abort');
        signal.throwIfAborted();
        embedded.push(textIdOf(text));
        return { ok: true, embedding };
      },
    };
    const work = runCatalogue(
      {
        store: life.store,
        embedding: oneByOne,
        clock: systemClock,
        log: quiet,
        limits: pipelineLimits(config),
        observer: { cacheRequest: () => undefined, storeWrite: () => undefined },
        isDistrusted: () => false,
      },
      stop.signal,
    );
    await until('the end of this life', 60_000, async () =>
      killAfter === Infinity
        ? (await life.store.catalogue.waiting(1)).length === 0
        : embedded.length >= killAfter,
    );
    if (killAfter !== Infinity) await folder.crash();
    stop.abort();
    await work;
    expect(embedded.filter((id) => stored.has(id))).toEqual([]);
  };
  for (const killAfter of [1, 300, 60, Infinity]) await live(killAfter);

  const { store: after } = await folder.get();
  const entries = await after.catalogue.entries(products.map(({ id }) => id));
  expect(new Set(entries.values().map(({ state }) => state))).toEqual(new Set(['searchable']));
  const hits = await after.search({ vector: embedding.vector, filter: {}, limit: 1_000 });
  expect(hits).toHaveLength(productCount);
  expect(new Set(hits.map(({ textId }) => textId))).toEqual(new Set(textIds));
  // The kills came in the middle.
  const { length } = storedBefore.filter((count) => count > 0 && count < productCount);
  expect(length).toBeGreaterThan(0);
});
