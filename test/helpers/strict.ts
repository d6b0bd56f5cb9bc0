// Checks that callers of a port's double respect the limits of that port: a test that exceeds them
// fails.

import { assert } from '#core/errors/assert.ts';
import { untilDisposed } from '#core/memory/until-disposed.ts';
import type { Embedder, EmbeddingService, EventSource, VectorStore } from '#core/ports.ts';

/** Calls must not overlap or come after its end. It gives one outcome per text. */
export function strictEmbedder(embedder: Embedder): Embedder {
  let isEmbedding = false;
  return untilDisposed('An embedder', {
    info: embedder.info,
    async embed(texts) {
      assert(!isEmbedding, 'An embedder was called while it was embedding');
      isEmbedding = true;
      try {
        const outcomes = await embedder.embed(texts);
        assert(outcomes.length === texts.length, 'An embedder gave not one outcome per text');
        return outcomes;
      } finally {
        isEmbedding = false;
      }
    },
    [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose](),
  });
}

/** Takes at most `batchMax` items per write, and nothing once it was disposed. */
export function strictStore<T extends VectorStore>(store: T): T {
  const { batchMax } = store;
  return untilDisposed('A store', {
    ...store,
    async putTexts(texts: Parameters<VectorStore['putTexts']>[0]) {
      const { length } = texts;
      assert(length <= batchMax.texts, `${length} texts exceed batchMax of ${batchMax.texts}`);
      return store.putTexts(texts);
    },
    async putEvents(events: Parameters<VectorStore['putEvents']>[0]) {
      const { length } = events;
      assert(length <= batchMax.events, `${length} events exceed batchMax of ${batchMax.events}`);
      return store.putEvents(events);
    },
  });
}

/** Each delivery is settled once, and none after the source was disposed. */
export function strictSource(source: EventSource): EventSource {
  let isDisposed = false;
  return untilDisposed('A source', {
    ...source,
    async *deliveries(signal) {
      for await (const batch of source.deliveries(signal)) {
        yield batch.map((delivery) => {
          let isSettled = false;
          return {
            ...delivery,
            settle: (outcome: Parameters<typeof delivery.settle>[0]) => {
              const { offset } = delivery.position;
              assert(!isSettled, `Offset ${offset} was settled twice`);
              assert(!isDisposed, `Offset ${offset} was settled after its source was disposed`);
              isSettled = true;
              delivery.settle(outcome);
            },
          };
        });
      }
    },
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      await source[Symbol.asyncDispose]();
    },
  });
}

/** Rejects only with the reason of the caller's signal, as the port requires. */
export function strictEmbedding(service: EmbeddingService): EmbeddingService {
  return {
    embed: (text, options) =>
      service.embed(text, options).catch((error: unknown) => {
        const { aborted, reason } = options.signal;
        assert(aborted && error === reason, `Embedding "${text}" failed with ${String(error)}`);
        throw error;
      }),
  };
}
