// The settings in the section `search`.

import { integer, list } from '../setting-types.ts';
import { minute } from '../units.ts';

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
