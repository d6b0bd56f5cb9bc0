// The settings in the section `events`: how to read events that are not exactly as described.

import { type AddedEventType, readEventTypes } from '#core/event/event-types.ts';
import { type Key, list, timeZone, yesOrNo } from '../setting-types.ts';

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
  types: eventTypeList({
    help:
      'More types of events than VectorStream has of its own, as NAME:PLACE:WEIGHT, such as ' +
      'click:view:0.5. PLACE is the step of the funnel. WEIGHT is how strongly it shows ' +
      'interest, in views; negative cancels interest (docs/events.md).',
    allowed:
      'up to 32 new names of a-z 0-9 _, each with view, cart, purchase or none, and a weight ' +
      'from -100 to 100',
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

/** Each is checked beside the others. */
function eventTypeList(
  options: Omit<Parameters<typeof list<string>>[0], 'item'>,
): Key<readonly AddedEventType[]> {
  const texts = list({ ...options, item: (text) => text });
  return {
    ...texts,
    default: [],
    check(raw) {
      const checked = texts.check(raw);
      const value = checked.ok ? readEventTypes(checked.value) : null;
      return value === null ? { ok: false } : { ok: true, value };
    },
  };
}
