// Keeps gateways that share a store from embedding the same texts twice: a text that another
// gateway has stored meanwhile no longer waits for a runner.

import { partsOf } from '#core/collections/parts-of.ts';
import type { Clock, Document, EmbeddingService, FleetResult } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';

export type SharedEmbeddingOptions = {
  readonly embedding: EmbeddingService;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Uniform in [0, 1), and a different sequence in every gateway. */
  readonly random: () => number;
  /** Which of these texts the store has. `null` when no other gateway writes to the store. */
  readonly stored: ((ids: readonly string[]) => Promise<ReadonlySet<string>>) | null;
};

/** Several look-ups per second cost a store nothing, and a job takes about half a second. */
const lookUpEveryMs = 250;
const lookUpMax = 512;

/**
 * The returned function embeds a document's text. It resolves with `null` when another gateway has
 * stored that text.
 *
 * Gateways that read one topic meet its new texts in about the same order. So each gateway shuffles
 * the texts that arrive together, looks up those that wait, and drops those that are stored. Under
 * load, two gateways then embed different parts of the same backlog.
 */
export function embedUnlessStored({
  embedding,
  clock,
  signal,
  random,
  stored,
}: SharedEmbeddingOptions): (
  document: Pick<Document, 'text' | 'textId'>,
) => Promise<FleetResult | null> {
  if (stored === null) return ({ text }) => embedding.embed(text, { priority: 'bulk', signal });
  const waiting = new Map<string, AbortController>();
  const shuffled = createShuffle(random);
  let isLooking = false;

  const lookUpWaiting = async (): Promise<void> => {
    isLooking = true;
    try {
      while (waiting.size > 0) {
        const ids = [...waiting.keys()];
        if (!(await rest(clock, lookUpEveryMs, signal))) return;
        const left = ids.filter((id) => waiting.has(id));
        for (const part of partsOf(left, lookUpMax))
          for (const id of await stored(part)) waiting.get(id)?.abort();
      }
    } finally {
      isLooking = false;
    }
  };

  return async ({ textId, text }) => {
    const elsewhere = new AbortController();
    await shuffled();
    waiting.set(textId, elsewhere);
    // A look-up that fails is repeated with the next text. Each text is embedded in any case.
    if (!isLooking) lookUpWaiting().catch(() => undefined);
    try {
      return await embedding.embed(text, {
        priority: 'bulk',
        signal: AbortSignal.any([signal, elsewhere.signal]),
      });
    } catch (error) {
      if (elsewhere.signal.aborted && !signal.aborted) return null;
      throw error;
    } finally {
      waiting.delete(textId);
    }
  };
}

/** Callers of the same turn of the event loop go on in a random order. */
function createShuffle(random: () => number): () => Promise<void> {
  let arrived: (() => void)[] = [];
  const goOn = (): void => {
    const together = arrived;
    arrived = [];
    const inRandomOrder = together
      .map((resolve) => ({ resolve, rank: random() }))
      .toSorted((a, b) => a.rank - b.rank);
    for (const { resolve } of inRandomOrder) resolve();
  };
  return () =>
    new Promise((resolve) => {
      arrived.push(resolve);
      if (arrived.length === 1) queueMicrotask(goOn);
    });
}
