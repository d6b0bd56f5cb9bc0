// Embeds what was put into the catalogue.

import { embedCatalogue } from '#core/pipeline/catalogue-texts.ts';
import { Guard, isRetryable } from '#core/pipeline/dependency-guard.ts';
import type { PipelineLimits } from '#core/pipeline/pipeline.ts';
import { createTextResolver, type TextResolverOptions } from '#core/pipeline/text-resolver.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import { createTroubleLog } from '../telemetry/trouble-log.ts';

export type CatalogueWorkOptions = Pick<
  TextResolverOptions,
  'store' | 'embedding' | 'clock' | 'isDistrusted' | 'observer'
> & { readonly limits: PipelineLimits; readonly log: Log };

/** Resolves when the signal aborts. Never throws. */
export function runCatalogue(
  { limits, log, ...options }: CatalogueWorkOptions,
  signal: AbortSignal,
): Promise<void> {
  const { store, clock } = options;
  // The pipeline calls the same store, and reports how it is.
  const observer = { retried: () => undefined, circuit: () => undefined };
  const { backoff, circuit } = limits;
  const shared = { backoff, circuit, clock, random: Math.random, signal, observer };
  const guard = new Guard({ ...shared, dependency: 'store', retryable: isRetryable });
  const texts = createTextResolver({ ...options, limits, guard, random: Math.random, signal });
  return embedCatalogue(
    {
      catalogue: store.catalogue,
      texts,
      clock,
      onError: createTroubleLog(clock, (fields) =>
        log.warn(fields, 'products of the catalogue are not embedded at present; trying again'),
      ),
      onFailed: (product, message) =>
        log.warn({ product, reason: message }, 'a product of the catalogue cannot be embedded'),
    },
    signal,
  );
}
