// Everything that /metrics reads at a scrape: what only source, store, queue, fleet and disk know.

import type { ScrapedGauges } from '../../telemetry/metrics/scraped-gauges.ts';
import type { Services } from '../services.ts';
import { causesOfUnreadiness } from './readiness.ts';

/** Resolves within a second or so, also while source, store or queue are down. */
export async function scrapedState(services: Services): Promise<ScrapedGauges> {
  const { gauges, source, telemetry, clock, live, certificate } = services;
  const [lag, store, deadLetters, intake, search] = await Promise.all([
    gauges.lag(),
    gauges.storeWorks(),
    gauges.deadLetters(),
    causesOfUnreadiness(services, 'intake'),
    causesOfUnreadiness(services, 'search'),
  ]);
  const { held, checkedBy } = services.fleet();
  const now = clock.now();
  // The last answer of a dead broker may be out of date.
  const lagNow = lag.trouble === null && source.health() === null ? lag.value : null;
  const oldestOpenAt = deadLetters.value?.oldestOpenAt ?? null;
  return {
    lag: lagNow,
    topicLags: lagNow === null ? [] : telemetry.lagAges.lags(lagNow, now),
    unsettled: source.unsettled(),
    heldTexts: held,
    checkedBy,
    runners: services.runners(),
    quarantines: services.blocks.quarantines().length,
    deadLetters: deadLetters.value?.byState ?? null,
    oldestDeadLetterSeconds:
      deadLetters.value === null
        ? null
        : oldestOpenAt === null
          ? 0
          : Math.max(0, now - oldestOpenAt) / 1000,
    disk: services.disk.state(),
    diskLimits: services.config.ingest,
    isUp: {
      source: source.health() === null && lag.trouble === null,
      store: store.trouble === null,
      dead_letters: deadLetters.trouble === null,
    },
    unready: { intake, search },
    timestampOffsetSeconds: services.timestamps.state().offsetSeconds,
    liveClients: live.feed.clientCount,
    certificateExpiresAt: certificate()?.expiresAt ?? null,
  };
}
