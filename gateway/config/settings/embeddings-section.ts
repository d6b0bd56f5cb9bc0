// The settings in the section `embeddings`.

import { integer } from '../setting-types.ts';
import { minute } from '../units.ts';

export const embeddingsSection = {
  waitMsMax: integer({
    default: 30_000,
    min: 100,
    max: 10 * minute,
    live: true,
    help: 'Time limit for POST /v1/embeddings (milliseconds). After that it answers 503.',
  }),
} as const;
