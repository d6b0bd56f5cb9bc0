// The settings in the section `events`: how events are read that are not exactly as described.

import { timeZone, yesOrNo } from '../setting-types.ts';

export const eventsSection = {
  strict: yesOrNo({
    default: false,
    help:
      'Whether only events exactly as described are valid. Otherwise, ids and times as numbers, ' +
      'prices as text, names in camelCase and the like are read too, where they can mean only ' +
      'one thing (docs/events.md).',
  }),
  timeZone: timeZone({
    default: 'UTC',
    help: 'Time zone of timestamps without a UTC offset.',
  }),
} as const;
