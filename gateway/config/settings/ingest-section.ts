// The settings in the section `ingest`: where events come from, and limits on them and on the
// embedded log.

import { eventLimits } from '#core/event/parse-event.ts';
import { integer, oneOf } from '../setting-types.ts';
import { gibibyte, hour, mebibyte } from '../units.ts';

/** For the embedded log, which benchmarks and tests also open without settings. */
export const defaultLog = {
  partitions: 4,
  unreadBytesMax: gibibyte,
  retentionBytes: 256 * mebibyte,
  retentionMs: 7 * 24 * hour,
} as const;

export const ingestSection = {
  source: oneOf(['auto', 'embedded', 'kafka'], {
    default: 'auto',
    env: 'VECTORSTREAM_SOURCE',
    flag: 'source',
    help:
      'Where events come from: the durable log in the data folder (embedded), or Kafka. ' +
      'auto chooses kafka if kafka.brokers is set.',
  }),
  bodyBytesMax: integer({
    default: 16 * mebibyte,
    min: 1024,
    max: 256 * mebibyte,
    help: 'Maximum size of a request body (bytes).',
  }),
  eventsPerRequestMax: integer({
    default: 5000,
    min: 1,
    max: 100_000,
    help: 'Maximum number of events in one POST /events.',
  }),
  eventBytesMax: integer({
    default: eventLimits.bytesMax,
    min: 1024,
    max: mebibyte,
    help: 'Maximum size of an event (bytes). A larger event is invalid.',
  }),
  timestampAheadSecondsMax: integer({
    default: eventLimits.timestampAheadMsMax / 1000,
    min: 0,
    max: 86_400,
    help:
      "How far an event's timestamp may be ahead of the clock and of its Kafka record (seconds). " +
      'An event further ahead is a dead letter with the reason timestamp_ahead.',
  }),
  redrivesMax: integer({
    default: 3,
    min: 1,
    max: 1000,
    help:
      'How many times an event may be replayed from the dead letters. ' +
      'Further replays must be forced.',
  }),
  partitions: integer({
    default: defaultLog.partitions,
    min: 1,
    max: 64,
    help: 'Partitions of a new embedded log. An existing log never gets fewer.',
  }),
  unreadBytesMax: integer({
    default: defaultLog.unreadBytesMax,
    min: mebibyte,
    max: 2 ** 40,
    help:
      'Maximum size of the unprocessed events in the embedded log (bytes). ' +
      'Beyond that, POST /events answers 429.',
  }),
  logBytesMax: integer({
    default: defaultLog.retentionBytes,
    min: 0,
    max: 2 ** 40,
    help: 'Maximum size of the processed events that the embedded log keeps (bytes).',
  }),
  logHoursMax: integer({
    default: defaultLog.retentionMs / hour,
    min: 1,
    max: 87_600,
    help: 'How long the embedded log keeps a processed event (hours).',
  }),
  diskFreeBytesLow: integer({
    default: gibibyte,
    min: 0,
    max: 2 ** 40,
    help:
      'Free space on the disk of the data folder below which GET /health is degraded and the log ' +
      'warns (bytes). At least ingest.diskFreeBytesMin is used.',
  }),
  diskFreeBytesMin: integer({
    default: 256 * mebibyte,
    min: 0,
    max: 2 ** 40,
    help:
      'Free space on the disk of the data folder below which no events are taken (bytes), if log ' +
      'or store are embedded. Intake resumes once there is a tenth more. 0 never stops it.',
  }),
} as const;
