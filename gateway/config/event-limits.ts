// The limits of an event as the settings have them: one for intake, pipeline and replays.

import { eventLimits, type EventLimits } from '#core/event/parse-event.ts';
import type { Config } from './config.ts';

export const eventLimitsOf = ({
  eventBytesMax,
  timestampAheadSecondsMax,
}: Config['ingest']): EventLimits => ({
  ...eventLimits,
  bytesMax: eventBytesMax,
  timestampAheadMsMax: timestampAheadSecondsMax * 1000,
});
