// Ensures that the text of every product of the catalogue is stored with a real vector.
//
// What waits is kept with the catalogue, so a crash loses nothing. Several gateways may do this at
// once: all of them find the same outcome.

import { productText } from '#core/event/text.ts';
import type { CatalogueEntry, CatalogueStore, Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { TextResolver } from './text-resolver.ts';

export type CatalogueTextsOptions = {
  readonly catalogue: Pick<CatalogueStore, 'waiting' | 'settle'>;
  readonly texts: Pick<TextResolver, 'ensure'>;
  readonly clock: Clock;
  /** The store cannot be used at present; this tries again. */
  readonly onError: (error: unknown) => void;
  readonly onFailed: (productId: string, message: string) => void;
};

/** Products at once. */
const waitingMax = 256;
const lookEveryMs = 500;
const retryMs = 5_000;

/** Resolves when the signal aborts. Never throws. */
export async function embedCatalogue(
  { catalogue, texts, clock, onError, onFailed }: CatalogueTextsOptions,
  signal: AbortSignal,
): Promise<void> {
  const ensure = async ({ id, updatedAt, product, textId }: CatalogueEntry) => {
    if (product === null || textId === null) return [];
    const text = {
      textId,
      text: productText(product),
      kind: 'product',
      event: { product },
    } as const;
    const outcome = await texts.ensure(text);
    if (!outcome.ok) onFailed(id, outcome.message);
    return [{ id, updatedAt, problem: outcome.ok ? null : outcome.message }];
  };

  let waitMs = 0;
  while (await rest(clock, waitMs, signal)) {
    try {
      const waiting = await catalogue.waiting(waitingMax);
      const results = (await Promise.all(waiting.map(ensure))).flat();
      if (results.length > 0) await catalogue.settle(results);
      waitMs = waiting.length === waitingMax ? 0 : lookEveryMs;
    } catch (error) {
      if (!signal.aborted) onError(error);
      waitMs = retryMs;
    }
  }
}
