// Builds a fresh index from a range of Kafka, beside the gateways that run, until everything in the
// range is searchable.

import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import { Settings } from '../config/live-settings.ts';
import type { ConfigInput } from '../config/parse-config.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../gateway.ts';
import { eraseCovered, liveErasures, takeOver } from './live-erasures.ts';
import type { ReindexPlan } from './reindex-plan.ts';

export type Reindexed = {
  /** Whether the end of the range was reached. */
  readonly isDone: boolean;
  readonly events: number;
  readonly texts: number;
};

export type ReindexOptions = {
  readonly gateway: GatewayOptions;
  /** Ends it in order; the same command goes on later. */
  readonly stop: AbortSignal;
  /** Called about once a second. `left`: records to read; `null` while it is not known. */
  readonly onProgress: (state: { readonly left: number | null; readonly events: number }) => void;
};

const lookEveryMs = 1_000;

/** @throws UsageError for what the operator can correct */
export async function runReindex(
  input: ConfigInput,
  plan: ReindexPlan,
  { gateway: options, stop, onProgress }: ReindexOptions,
): Promise<Reindexed> {
  const live = new Settings(input).config;
  const settings = new Settings(input, plan.settings);
  const known = await liveErasures(live, systemClock);
  const gateway = await startGateway(settings, options, ({ erasureStore }) =>
    takeOver(known, erasureStore),
  );
  try {
    let isDone = false;
    while (!isDone && (await rest(systemClock, lookEveryMs, stop))) {
      const left = await leftOf(gateway);
      isDone = left === 0;
      onProgress({ left, events: (await gateway.storage.store.counts()).events });
    }
    const { store } = gateway.storage;
    if (isDone) {
      const now = await liveErasures(live, systemClock);
      await takeOver(now, store.erasureStore);
      if (now.tombstones.length > known.tombstones.length) await eraseCovered(now, store);
    }
    return { isDone, ...(await store.counts()) };
  } finally {
    await gateway.close();
  }
}

/** Records of the range that are not stored yet; `null` while that is not known. */
async function leftOf({ storage: { source } }: Gateway): Promise<number | null> {
  const lags = await source.lag().catch(() => null);
  if (lags === null) return null;
  return Math.max(
    source.unsettled(),
    lags.reduce((sum, { lag }) => sum + lag, 0),
  );
}
