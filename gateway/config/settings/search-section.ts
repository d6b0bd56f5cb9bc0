// The settings in the small sections: `audit`, `search`, `embeddings`, `live` and `logging`.

import { integer, list, oneOf } from '../setting-types.ts';
import { mebibyte, minute } from '../units.ts';

export const auditSection = {
  fileBytesMax: integer({
    default: 16 * mebibyte,
    min: 0,
    max: 2 ** 30,
    help:
      'Size of audit.ndjson in the data folder (bytes) at which it is renamed to audit.ndjson.1 ' +
      'and a new file begins; 0 keeps no audit trail.',
  }),
} as const;

export const searchSection = {
  waitMsMax: integer({
    default: 2000,
    min: 10,
    max: minute,
    live: true,
    help:
      'How long a search waits for a runner to embed its query (milliseconds). ' +
      'After that it answers 503.',
  }),
  hedgeMs: integer({
    default: 200,
    min: 10,
    max: minute,
    live: true,
    help:
      'After this time without an answer, the query of a search goes to a second runner too ' +
      '(milliseconds). The first answer counts.',
  }),
  queryCacheMax: integer({
    default: 1000,
    min: 0,
    max: 100_000,
    live: true,
    help: 'Maximum number of query vectors that are cached in memory.',
  }),
  behaviourPercent: integer({
    default: 0,
    min: 0,
    max: 100,
    live: true,
    help:
      'How much of its score the hit with the most matching events gains in modes hybrid and ' +
      'words (percent). Others gain less, by the logarithm of their events. See docs/analysis.md.',
  }),
  facetAttributes: list({
    live: true,
    allowed: 'names of attributes of 1 to 128 characters',
    item: (name) => (name.length > 0 && name.length <= 128 ? name : null),
    help:
      'Attributes of products in the catalogue by which a search may count its hits, such as ' +
      'colour. Anyone who may search sees their values.',
  }),
} as const;

export const embeddingsSection = {
  waitMsMax: integer({
    default: 30_000,
    min: 100,
    max: 10 * minute,
    live: true,
    help: 'Time limit for POST /v1/embeddings (milliseconds). After that it answers 503.',
  }),
} as const;

export const liveSection = {
  clientsMax: integer({
    default: 100,
    min: 0,
    max: 10_000,
    help: 'Maximum number of clients of /ws/events and /sse/events together.',
  }),
} as const;

export const loggingSection = {
  level: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    env: 'LOG_LEVEL',
    flag: 'log-level',
    live: true,
    help:
      'Lowest severity that is logged. ' +
      'Runners that the gateway started keep the level that it had at the start.',
  }),
  format: oneOf(['auto', 'pretty', 'json'], {
    default: 'auto',
    env: 'LOG_FORMAT',
    flag: 'log-format',
    help: 'Format of the log. auto is pretty on a terminal and json elsewhere.',
  }),
} as const;
