// Lets several connections share one model: their calls wait for each other, each connection's turn coming round fairly.

import type { Embedder } from './ports.ts';

/**
 * An embedder whose `embed` may be called while another call runs; calls are answered in the order they came, so
 * connections that wait for one answer before they ask again take turns. A call that throws ends only itself.
 */
export function queuedEmbedder(embedder: Embedder): Embedder {
  let last: Promise<unknown> = Promise.resolve();
  return {
    info: embedder.info,
    embed(texts) {
      const result = last.then(() => embedder.embed(texts));
      last = result.catch(() => undefined);
      return result;
    },
    [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose](),
  };
}
