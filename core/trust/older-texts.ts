// Embeds again, in place, the stored texts to which an older tokenizer may have given wrong
// vectors.

import { partsOf } from '#core/collections/parts-of.ts';
import { hasOtherIds } from '#core/model/older-tokenizer.ts';
import type { BareText, Clock, EmbeddingService, Provenance, VectorStore } from '#core/ports.ts';
import { type Backoff, retry, withoutEnd } from '#core/time/retry.ts';
import { ReEmbedder, type RefusedText } from './re-embedder.ts';

export type OlderTextsOptions = {
  readonly store: VectorStore;
  /** The embedding service with the model's prefixes, as the pipeline has it. */
  readonly embedding: EmbeddingService;
  readonly clock: Clock;
  readonly isDistrusted: (provenance: Provenance) => boolean;
  readonly backoff: Backoff;
  /** Called synchronously; must not throw. */
  readonly observer: {
    /** The store refuses this text's new vector; the old one stays. */
    refused(text: RefusedText): void;
    failed(error: unknown): void;
  };
};

/** Texts that are read at once. */
const pageTexts = 512;
/** Texts that are embedded at once: few, so that new texts hardly wait for them. */
const inFlightMax = 16;
const stepMs = 250;

/**
 * Looks at every stored text once. Each keeps its vector until the new one is stored. A store that
 * is down is asked again. Resolves to how many texts have new vectors; rejects once the signal
 * aborts.
 */
export async function embedOlderTexts(
  { store, embedding, clock, isDistrusted, backoff, observer }: OlderTextsOptions,
  signal: AbortSignal,
): Promise<number> {
  const reEmbedder = new ReEmbedder({
    store,
    embedding,
    priority: 'bulk',
    clock,
    isDistrusted,
    onVectors: () => undefined,
    onRefused: (text) => observer.refused(text),
  });
  const retried = <T>(call: () => Promise<T>): Promise<T> =>
    retry(call, {
      policy: withoutEnd(backoff),
      clock,
      signal,
      retryable: () => true,
      onRetry: (error) => observer.failed(error),
    });

  let stored = 0;
  let last: string | null = null;
  for (;;) {
    const page: readonly BareText[] = await retried(() =>
      store.provenanceStore.textsAfter(last, pageTexts),
    );
    const older = page.filter(({ text }) => hasOtherIds(text));
    for (const part of partsOf(older, inFlightMax)) {
      signal.throwIfAborted();
      reEmbedder.embed(part, signal);
      while (!reEmbedder.isIdle) {
        stored += await retried(() => reEmbedder.write());
        if (!reEmbedder.isIdle) await clock.sleep(stepMs, signal);
      }
    }
    last = page.at(-1)?.id ?? last;
    if (page.length < pageTexts) return stored;
  }
}
