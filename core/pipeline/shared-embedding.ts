// Keeps gateways that share a store from embedding the same texts: what another one has stored
// meanwhile waits for no runner.

import type { Clock, Document, EmbeddingService, FleetResult } from '#core/ports.ts';

export type SharedEmbeddingOptions = {
  readonly embedding: EmbeddingService;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Uniform in [0, 1), and another sequence in every gateway. */
  readonly random: () => number;
  /** Which of these texts the store has; `null`: nobody else writes to it. */
  readonly stored: ((ids: readonly string[]) => Promise<ReadonlySet<string>>) | null;
};

/** A few looks per second cost a store nothing, and a job is half a second of work. */
const lookAgainMs = 250;
const lookUpMax = 512;

/**
 * Gateways that read one topic meet its new texts in about the same order. So each hands those it
 * met at once to its runners in an order of its own, looks again for those that wait, and gives up
 * each that is stored: `null`. Under load two gateways then do different parts of what both have
 * before them.
 */
export function embedUnlessStored({
  embedding,
  clock,
  signal,
  random,
  stored,
}: SharedEmbeddingOptions): (document: Document) => Promise<FleetResult | null> {
  if (stored === null) return ({ text }) => embedding.embed(text, { priority: 'bulk', signal });
  const waiting = new Map<string, AbortController>();
  let metAtOnce: (() => void)[] = [];
  let isLooking = false;

  const ownTurn = (): Promise<void> =>
    new Promise((resolve) => {
      metAtOnce.push(resolve);
      if (metAtOnce.length > 1) return;
      queueMicrotask(() => {
        const all = metAtOnce;
        metAtOnce = [];
        const inOwnOrder = all
          .map((begin) => ({ begin, place: random() }))
          .toSorted((a, b) => a.place - b.place);
        for (const { begin } of inOwnOrder) begin();
      });
    });

  const keepLooking = async (): Promise<void> => {
    isLooking = true;
    try {
      while (waiting.size > 0 && !signal.aborted) {
        const ids = [...waiting.keys()];
        await clock.sleep(lookAgainMs, signal);
        const still = ids.filter((id) => waiting.has(id));
        for (let from = 0; from < still.length; from += lookUpMax) {
          for (const id of await stored(still.slice(from, from + lookUpMax)))
            waiting.get(id)?.abort();
        }
      }
    } finally {
      isLooking = false;
    }
  };

  return async ({ textId, text }) => {
    const elsewhere = new AbortController();
    await ownTurn();
    waiting.set(textId, elsewhere);
    // What it cannot learn now it learns at the next look; the text is embedded in any case.
    if (!isLooking) keepLooking().catch(() => undefined);
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
