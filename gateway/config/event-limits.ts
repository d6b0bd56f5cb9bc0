// The limits of an event as the settings have them: one for intake, pipeline and replays.

import { eventTypesOf } from '#core/event/event-types.ts';
import { eventLimits, type EventLimits } from '#core/event/parse-event.ts';
import { zoneOffset } from '#core/time/zone-offset.ts';
import type { Config } from './config.ts';

export const eventLimitsOf = ({
  ingest,
  events,
}: Pick<Config, 'ingest' | 'events'>): EventLimits => ({
  ...eventLimits,
  bytesMax: ingest.eventBytesMax,
  timestampAheadMsMax: ingest.timestampAheadSecondsMax * 1000,
  strict: events.strict,
  types: eventTypesOf(events.types),
  zoneOffset: zoneOffset(events.timeZone),
});
