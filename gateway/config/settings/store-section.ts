// The settings in the section `store`: where vectors and events are kept, and for how long.

import { integer, oneOf } from '../setting-types.ts';

export const storeSection = {
  kind: oneOf(['auto', 'embedded', 'qdrant'], {
    default: 'auto',
    env: 'VECTORSTREAM_STORE',
    flag: 'store',
    help:
      'Where vectors and events are kept: SQLite in the data folder (embedded), or Qdrant. ' +
      'auto chooses qdrant if qdrant.url is set.',
  }),
  retentionDays: integer({
    default: 3650,
    min: 1,
    max: 36_500,
    live: true,
    help: 'Number of days after its ingestion at which an event is deleted.',
  }),
  sweepMinutes: integer({
    default: 10,
    min: 1,
    max: 1440,
    live: true,
    help: 'Minutes between two sweeps, which delete old events and texts that have no events.',
  }),
} as const;
