// Narrows a filter to the events that are about products.

import type { EventFilter } from '#core/ports.ts';

/** The filter without the type `search`, so that a search finds no query. */
export function productsOnly(filter: EventFilter): EventFilter {
  const { eventTypes } = filter;
  if (eventTypes?.includes('search') !== true) return filter;
  return { ...filter, eventTypes: eventTypes.filter((type) => type !== 'search') };
}
