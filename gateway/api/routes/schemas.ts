// The shapes that several routes share: problem documents, filters on events, stored events,
// cursors.

import { z } from '@hono/zod-openapi';
import { assert } from '#core/errors/assert.ts';
import type { EventTypes } from '#core/event/event-types.ts';
import { parseExactly } from '#core/event/exact-json.ts';
import { parseTimestamp } from '#core/event/timestamp.ts';
import { eventTypes, type EventFilter, type Product, type StoredEvent } from '#core/ports.ts';
import { ProblemError } from '../../http/problem-document.ts';
import { exampleProblem } from '../openapi-document.ts';

const problemSchema = z
  .looseObject({
    type: z.string().openapi({ description: 'urn:vectorstream:problem:CODE' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().openapi({ description: 'What is wrong and what to do, for people.' }),
    code: z.string().openapi({ description: 'Stable, for programs.' }),
    request_id: z.string(),
    timestamp: z.iso.datetime(),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: 'Only with validation_failed.' }),
  })
  .openapi('Problem', { example: exampleProblem });

export type ProblemView = z.infer<typeof problemSchema>;

const problemContent = { 'application/problem+json': { schema: problemSchema } };

/** The `responses` entry of an error. */
export const problem = (description: string) => ({ description, content: problemContent });

/** The `responses` entry of a JSON answer. `example` is for a schema without one. */
export const answer = <S extends z.ZodType>(
  description: string,
  schema: S,
  example?: z.input<S>,
) => ({
  description,
  content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
});

export const exampleProduct = {
  id: 'p-1042',
  name: 'Enamel kettle',
  description: 'Red, 2 litres',
  category: 'Kitchen',
  price: 39.9,
};

export const exampleEvent = {
  event_id: 'e-1',
  timestamp: '2026-01-31T12:00:00Z',
  user_id: 'u-7',
  event_type: 'view',
  session_id: 's-3',
  product: exampleProduct,
} as const;

/** What only the catalogue says of a product. */
export const listedFields = {
  brand: z.string().nullable().optional().openapi({ description: 'Only from the catalogue.' }),
  image: z.string().nullable().optional().openapi({ description: 'Address of a picture.' }),
  url: z.string().nullable().optional().openapi({ description: 'Address of its page.' }),
  stock: z
    .number()
    .nullable()
    .optional()
    .openapi({ description: 'How many are left; null when the shop does not say.' }),
  attributes: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .readonly()
    .optional()
    .openapi({ description: 'Whatever else the catalogue says of it.' }),
};

export const productSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    category: z.string().nullable(),
    price: z.number(),
    ...listedFields,
  })
  .openapi('Product', { example: exampleProduct });

export const exampleStoredEvent = {
  id: '5f4b6a7e-2f0a-5f7c-9a43-8f2f64b5f1c8',
  text_id: '0d5b3f0e-97a9-5b62-8f0e-52f1a1f0c3d4',
  timestamp: '2026-01-31T12:00:00.000Z',
  ingested_at: '2026-01-31T12:00:00.120Z',
  event: exampleEvent,
};

export const storedEventSchema = z
  .object({
    id: z.string(),
    text_id: z.string(),
    timestamp: z.iso.datetime(),
    ingested_at: z.iso.datetime(),
    event: z
      .record(z.string(), z.unknown())
      .openapi({ description: 'The event as it was sent, unknown fields included.' }),
  })
  .openapi('StoredEvent', { example: exampleStoredEvent });

export type StoredEventView = z.infer<typeof storedEventSchema>;

export function storedEvent(stored: StoredEvent): StoredEventView {
  return {
    id: stored.id,
    text_id: stored.textId,
    timestamp: new Date(stored.timestamp).toISOString(),
    ingested_at: new Date(stored.ingestedAt).toISOString(),
    event: eventOf(stored.payload),
  };
}

/** The payload of an event is a JSON object, with numbers of more digits than a float has. */
function eventOf(payload: string): StoredEventView['event'] {
  const event = parseExactly(payload);
  assert(typeof event === 'object' && event !== null, 'the payload of a stored event is an object');
  return { ...event };
}

export const productOf = (product: Product | null): z.infer<typeof productSchema> | null => product;

const name = z.string().min(1).max(512);
/** `allowed` says what one is: of a union, zod tells only that nothing fits. */
export const oneOrMore = <T extends z.ZodType>(item: T, allowed: string) =>
  z.union([item, z.array(item).min(1).max(100)], {
    error: `expected one or a list of up to 100 of: ${allowed}`,
  });
const instant = z
  .string()
  .max(64)
  .refine(
    (text) => parseTimestamp(text).ok,
    'expected an ISO 8601 time with an offset, such as 2026-01-31T12:00:00Z',
  );
/** A text, because the settings may add types. Whoever reads one from a request checks it. */
export const eventType = z
  .string()
  .max(64)
  .openapi({ enum: [...eventTypes] });
const filterFields = {
  event_type: oneOrMore(eventType, 'names of types of events').optional(),
  category: oneOrMore(name, 'names of 1 to 512 characters').optional(),
  user_id: name.optional(),
  session_id: name.optional(),
  text_id: oneOrMore(z.uuid(), 'ids of texts, as text_id of a hit').optional(),
  product_id: name.optional(),
  since: instant.optional(),
  until: instant.optional(),
};

/** The filter in a body. */
export const filterMembers = {
  ...filterFields,
  price_min: z.number().optional(),
  price_max: z.number().optional(),
};

export const filterSchema = z.strictObject(filterMembers).openapi('EventFilter');

// Not coerced directly: that would read an empty text as 0.
const numberInQuery = z.string().trim().min(1).pipe(z.coerce.number());

/** The same filter in a query string: all values are text, and a list repeats its name. */
export const filterQueryFields = {
  ...filterFields,
  price_min: numberInQuery.optional(),
  price_max: numberInQuery.optional(),
};

/**
 * @param place of the filter in the request, such as `filter.`
 * @throws ProblemError for types that no event may have, and for ranges that end before they begin
 */
export function filterOf(
  filter: z.infer<typeof filterSchema>,
  { names }: EventTypes,
  place = '',
): EventFilter {
  const types = [filter.event_type ?? []].flat();
  if (!types.every((type) => names.includes(type)))
    throw invalidMember(
      `${place}event_type`,
      `expected one or a list of up to 100 of: ${names.join(', ')}`,
    );
  const { price_min: priceMin, price_max: priceMax } = filter;
  const since = millisecondsOf(filter.since);
  const until = millisecondsOf(filter.until);
  inOrder('price_min', priceMin, 'price_max', priceMax);
  inOrder('since', since, 'until', until);
  return {
    ...(filter.event_type !== undefined && { eventTypes: types }),
    ...(filter.category !== undefined && { categories: [filter.category].flat() }),
    ...(filter.user_id !== undefined && { userId: filter.user_id }),
    ...(filter.session_id !== undefined && { sessionId: filter.session_id }),
    ...(filter.text_id !== undefined && {
      textIds: [filter.text_id].flat().map((id) => id.toLowerCase()),
    }),
    ...(filter.product_id !== undefined && { productId: filter.product_id }),
    ...(priceMin !== undefined && { priceMin }),
    ...(priceMax !== undefined && { priceMax }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
}

/** Its answer is that of a body or query that fails its schema at `path`. */
export function invalidMember(path: string, message: string): ProblemError {
  return new ProblemError({
    status: 422,
    code: 'validation_failed',
    detail: `${path}: ${message}`,
    more: { errors: [{ path, message }] },
  });
}

export function millisecondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseTimestamp(text);
  return parsed.ok ? parsed.ms : undefined;
}

export { instant };

export const pageQueryFields = {
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z
    .string()
    .max(512)
    .optional()
    .openapi({ description: 'next_cursor of the previous page.' }),
};

export const productParams = z.object({
  id: z
    .string()
    .min(1)
    .max(256)
    .openapi({ description: 'product.id of an event.', example: 'p-1042' }),
});

/** The error for a cursor that this gateway did not give, or that fits no more. */
export const badCursor = (
  why = 'not one that this gateway gave for this request; use next_cursor of the previous page',
): ProblemError =>
  new ProblemError({ status: 422, code: 'validation_failed', detail: `cursor: ${why}.` });

/** A page, newest first, ends at a time (UTC ms) and an id. */
export const cursorOf = (at: number, id: string): string =>
  Buffer.from(JSON.stringify([at, id])).toString('base64url');

export function parseCursor(
  cursor: string | undefined,
): { readonly at: number; readonly id: string } | null {
  if (cursor === undefined) return null;
  try {
    const [at, id] = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { at, id };
  } catch {
    throw badCursor();
  }
}

const cursorSchema = z.tuple([z.number(), z.string()]);

export function inOrder(
  lowName: string,
  low: number | undefined,
  highName: string,
  high: number | undefined,
): void {
  if (low === undefined || high === undefined || low <= high) return;
  throw new ProblemError({
    status: 422,
    code: 'validation_failed',
    detail: `${lowName} is after ${highName}: nothing can match.`,
  });
}
