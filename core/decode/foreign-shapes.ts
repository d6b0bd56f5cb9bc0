// Recognises events of other systems by the names of their members, so that a rejection can say
// what it got.

type Shape = {
  readonly system: string;
  /** Which members tell a shape from all others. */
  readonly names: readonly string[];
  /** The ready-made ones that read them. */
  readonly mappings: string;
};

const shapes: readonly Shape[] = [
  {
    system: 'Segment or RudderStack',
    names: ['type', 'event', 'properties'],
    mappings: 'segment, segment-orders',
  },
  {
    system: 'Google Analytics 4 (Measurement Protocol)',
    names: ['client_id', 'events'],
    mappings: 'ga4-events',
  },
  {
    system: 'Google Analytics 4 (BigQuery)',
    names: ['event_name', 'event_timestamp'],
    mappings: 'ga4-bigquery',
  },
  { system: 'Snowplow', names: ['app_id', 'collector_tstamp'], mappings: 'snowplow' },
  {
    system: 'OpenSearch UBI',
    names: ['action_name', 'event_attributes'],
    mappings: 'ubi-events, ubi-queries',
  },
  {
    system: 'Shopify',
    names: ['line_items', 'admin_graphql_api_id'],
    mappings: 'shopify-orders',
  },
  { system: 'WooCommerce', names: ['line_items', 'order_key'], mappings: 'woocommerce' },
  { system: 'schema.org', names: ['@context', '@type'], mappings: 'schema-org' },
];

/** Says which system has events like this, and what to do; `null` for any other value. */
export function foreignAdvice(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const found = shapes.find(({ names }) => names.every((name) => Object.hasOwn(value, name)));
  if (found === undefined) return null;
  const { system, mappings } = found;
  return `It looks like one of ${system}: name ${mappings} in events.mappings (docs/events.md)`;
}
