// The settings in the section `events`: how to read events that are not exactly as described.

import { type AddedEventType, funnelPlaces, lettersOf } from '#core/event/event-types.ts';
import { eventTypes } from '#core/ports.ts';
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
  types: differentTypes({
    help:
      'More types of events than VectorStream has of its own, as NAME:PLACE:WEIGHT, such as ' +
      'click:view:0.5. PLACE is the step of the funnel. WEIGHT is how strongly it shows ' +
      'interest, in views; negative cancels interest (docs/events.md).',
    allowed:
      'up to 32 new names of a-z 0-9 _, each with view, cart, purchase or none, and a weight ' +
      'from -100 to 100',
    item: addedEventType,
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

/** `click:view:0.5`; `null` for what is none. */
function addedEventType(text: string): AddedEventType | null {
  const [, name = '', wanted, number] =
    /^([a-z][a-z0-9_]{0,31}):([a-z]+):(-?[\d.]+)$/.exec(text) ?? [];
  const place = funnelPlaces.find((known) => known === wanted);
  const weight = Number(number);
  return place !== undefined && Math.abs(weight) <= 100 ? { name, place, weight } : null;
}

/** Names are different, also from the program's own, when they differ in more than `_`. */
function differentTypes(options: Parameters<typeof list<AddedEventType>>[0]) {
  const key = list(options);
  return {
    ...key,
    check(raw: unknown) {
      const checked = key.check(raw);
      if (!checked.ok) return checked;
      const names = [...eventTypes, ...checked.value.map(({ name }) => name)].map(lettersOf);
      const areNew = new Set(names).size === names.length && checked.value.length <= addedMax;
      return areNew ? checked : ({ ok: false } as const);
    },
  };
}
const addedMax = 32;
