// The shapes that several routes share: problem documents, filters on events, stored events, cursors.
import { z } from '@hono/zod-openapi';
import { parseTimestamp } from '#core/timestamp.ts';
import { eventTypes, type EventFilter, type Product, type StoredEvent } from '#core/ports.ts';
import { ProblemError } from '../middleware/problem.ts';

const problemSchema = z.object({
  type: z.string(), title: z.string(), status: z.int(), detail: z.string(), code: z.string(), request_id: z.string(), timestamp: z.string(),
}).openapi('Problem');

const problemContent = { 'application/problem+json': { schema: problemSchema } };

/** The `responses` entry of an error. */
export const problem = (description: string) => ({ description, content: problemContent });

/** `responses` entry of a JSON answer. */
export const answer = <S extends z.ZodType>(description: string, schema: S) => ({ description, content: { 'application/json': { schema } } });

export const productSchema = z.object({
  id: z.string(), name: z.string(), description: z.string().nullable(), category: z.string().nullable(), price: z.number(),
}).openapi('Product');

export const storedEventSchema = z.object({
  id: z.string(),
  text_id: z.string(),
  timestamp: z.iso.datetime(),
  ingested_at: z.iso.datetime(),
  event: z.record(z.string(), z.unknown()).openapi({ description: 'The event as it was sent, unknown fields included.' }),
}).openapi('StoredEvent');

export function storedEvent(stored: StoredEvent): z.infer<typeof storedEventSchema> {
  return {
    id: stored.id,
    text_id: stored.textId,
    timestamp: new Date(stored.timestamp).toISOString(),
    ingested_at: new Date(stored.ingestedAt).toISOString(),
    event: JSON.parse(stored.payload),
  };
}

export const productOf = (product: Product | null): z.infer<typeof productSchema> | null => product;

const name = z.string().min(1).max(512);
/** `allowed` says what one is: of a union, zod tells only that nothing fits. */
const oneOrMore = <T extends z.ZodType>(item: T, allowed: string) => z.union([item, z.array(item).min(1).max(100)], { error: `expected one or a list of up to 100 of: ${allowed}` });
const instant = z.string().max(64).refine((text) => parseTimestamp(text).ok, 'expected an ISO 8601 time with an offset, such as 2026-01-31T12:00:00Z');
const filterFields = {
  event_type: oneOrMore(z.enum(eventTypes), eventTypes.join(', ')).optional(),
  category: oneOrMore(name, 'names of 1 to 512 characters').optional(),
  user_id: name.optional(),
  session_id: name.optional(),
  since: instant.optional(),
  until: instant.optional(),
};

export const filterSchema = z.strictObject({ ...filterFields, price_min: z.number().optional(), price_max: z.number().optional() }).openapi('EventFilter');

// Not coerced at once: that would read nothing as 0.
const numberInQuery = z.string().trim().min(1).pipe(z.coerce.number());

/** The same filter in a query string, where all values are text and a list repeats its name. */
export const filterQueryFields = { ...filterFields, price_min: numberInQuery.optional(), price_max: numberInQuery.optional() };

export function filterOf(filter: z.infer<typeof filterSchema>): EventFilter {
  const { price_min: priceMin, price_max: priceMax } = filter;
  const since = millisecondsOf(filter.since);
  const until = millisecondsOf(filter.until);
  inOrder('price_min', priceMin, 'price_max', priceMax);
  inOrder('since', since, 'until', until);
  return {
    ...(filter.event_type !== undefined && { eventTypes: [filter.event_type].flat() }),
    ...(filter.category !== undefined && { categories: [filter.category].flat() }),
    ...(filter.user_id !== undefined && { userId: filter.user_id }),
    ...(filter.session_id !== undefined && { sessionId: filter.session_id }),
    ...(priceMin !== undefined && { priceMin }),
    ...(priceMax !== undefined && { priceMax }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
}

export function millisecondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseTimestamp(text);
  return parsed.ok ? parsed.ms : undefined;
}

export { instant };

export const pageQueryFields = {
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(512).optional().openapi({ description: 'next_cursor of the page before.' }),
};

/** Newest first: a page ends at a time (UTC ms) and an id. */
export const cursorOf = (at: number, id: string): string => Buffer.from(JSON.stringify([at, id])).toString('base64url');

export function parseCursor(cursor: string | undefined): { readonly at: number; readonly id: string } | null {
  if (cursor === undefined) return null;
  try {
    const [at, id] = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { at, id };
  } catch {
    throw new ProblemError({ status: 422, code: 'validation_failed', detail: 'cursor: not one that this gateway gave; take next_cursor of the page before.' });
  }
}

const cursorSchema = z.tuple([z.number(), z.string()]);

function inOrder(lowName: string, low: number | undefined, highName: string, high: number | undefined): void {
  if (low === undefined || high === undefined || low <= high) return;
  throw new ProblemError({ status: 422, code: 'validation_failed', detail: `${lowName} is after ${highName}: nothing can match.` });
}
