// The settings in the section `live`.

import { integer } from '../setting-types.ts';

export const liveSection = {
  clientsMax: integer({
    default: 100,
    min: 0,
    max: 10_000,
    help: 'Maximum number of clients of /ws/events and /sse/events together.',
  }),
} as const;
