// Names the types of events, and the reasons of dead letters, in plain words.

const eventTypes: Readonly<Record<string, string>> = {
  view: 'View',
  add_to_cart: 'To cart',
  remove_from_cart: 'From cart',
  purchase: 'Purchase',
  wishlist_add: 'Wish',
  search: 'Search',
};
export const eventTypeName = (type: string): string => eventTypes[type] ?? type;

/** What an event is about: its product's name, or its query in quotes. */
export function subjectOf(event: Readonly<Record<string, unknown>>): string {
  const { product, search_query: query } = event;
  if (typeof product === 'object' && product !== null && 'name' in product)
    return String(product.name);
  return typeof query === 'string' ? `“${query}”` : '';
}

const reasons: Readonly<Record<string, string>> = {
  not_json: 'Not JSON',
  invalid_event: 'Not a valid event',
  too_large: 'Too large',
  timestamp_ahead: 'Time in the future',
  embedding_failed: 'No runner could embed it',
  store_rejected: 'The store refused it',
  id_conflict: 'Another event has its id',
};
export const reasonName = (reason: string): string => reasons[reason] ?? reason;
