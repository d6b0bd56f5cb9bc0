// The settings in the section `events`: how to read events that are not exactly as described.

import { list, timeZone, yesOrNo } from '../setting-types.ts';

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
  mappings: list({
    help:
      'Mappings for records of the topic that are in another shape: ready-made ones (segment, ' +
      'ga4-bigquery, shopify-orders …) or paths of YAML files (docs/events.md). The first one ' +
      'that applies to a record reads it. With delete_by, null values delete what their keys name.',
    allowed: 'names of ready-made mappings, or paths of files',
    item: (text) => (text.length > 0 && text.length <= 4096 && !text.includes('\0') ? text : null),
  }),
} as const;
