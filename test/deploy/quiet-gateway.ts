// A gateway without trouble, as its metrics read it; tests change what they are about.

import type { ScrapedGauges } from '../../gateway/telemetry/metrics/scraped-gauges.ts';

export const quiet: ScrapedGauges = {
  lag: [{ topic: 'ecommerce-events', partition: 0, lag: 0 }],
  topicLags: [{ topic: 'ecommerce-events', lag: 0, seconds: 0 }],
  unsettled: 0,
  heldTexts: 0,
  checkedBy: 'trusted',
  runners: [],
  quarantines: 0,
  deadLetters: { open: 0, replayed: 0, purged: 0 },
  oldestDeadLetterSeconds: 0,
  disk: { freeBytes: 0, level: 'enough' },
  diskLimits: { diskFreeBytesLow: 2, diskFreeBytesMin: 1 },
  isUp: { source: true, store: true, dead_letters: true },
  unready: { intake: [], search: [] },
  liveClients: 0,
  timestampOffsetSeconds: 0,
  certificateExpiresAt: null,
};
