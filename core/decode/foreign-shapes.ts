// Recognises events of other systems by the names of their members, so that a rejection can say
// what it got.

type Shape = { readonly system: string; readonly names: readonly string[] };

/** Which members tell a shape from all others. */
const shapes: readonly Shape[] = [
  { system: 'Segment or RudderStack', names: ['type', 'event', 'properties'] },
  { system: 'Google Analytics 4 (Measurement Protocol)', names: ['client_id', 'events'] },
  { system: 'Google Analytics 4 (BigQuery)', names: ['event_name', 'event_timestamp'] },
  { system: 'Snowplow', names: ['app_id', 'collector_tstamp'] },
  { system: 'OpenSearch UBI', names: ['action_name', 'event_attributes'] },
  { system: 'Shopify', names: ['line_items', 'admin_graphql_api_id'] },
  { system: 'WooCommerce', names: ['line_items', 'order_key'] },
];

/** The system whose events look like this; `null` for any other value. */
export function foreignSystem(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const found = shapes.find(({ names }) => names.every((name) => Object.hasOwn(value, name)));
  return found?.system ?? null;
}
