// GET /dlq/…: the events that could not be stored, each with its reason and its original bytes.
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { deadLetterReasons, type DeadLetterEntry, type DeadLetterQuery, type DeadLetters } from '#core/ports.ts';
import type { AppEnv } from '../app-env.ts';
import { ProblemError } from '../middleware/problem.ts';
import type { Services } from '../services.ts';
import { answer, cursorOf, instant, millisecondsOf, pageQueryFields, parseCursor, problem } from './schemas.ts';

const states = ['open', 'replayed', 'purged'] as const;
/** A list shows the beginning of a large value; `GET /dlq/messages/{id}` shows all of it. */
const previewBytesMax = 4096;
/** Letters fetched at once for a list: each may be as large as the largest request body. */
const portionMax = 4;

const letterSchema = z.object({
  id: z.string(),
  state: z.enum(states),
  reason: z.enum(deadLetterReasons),
  message: z.string(),
  field: z.string().nullable(),
  event_id: z.string().nullable(),
  failed_at: z.iso.datetime(),
  attempts: z.int(),
  runner: z.string().nullable(),
  origin: z.object({ topic: z.string(), partition: z.int(), offset: z.int() }),
  timestamp: z.iso.datetime(),
  key: z.string().nullable(),
  value: z.string().openapi({ description: 'The original bytes as text.' }),
  value_bytes: z.int(),
  value_truncated: z.boolean(),
  headers: z.record(z.string(), z.string()),
  base64: z.array(z.string()).openapi({ description: 'Members that are not UTF-8 and therefore shown in base64: value, key, headers.NAME.' }),
}).openapi('DeadLetter');

const listRoute = createRoute({
  method: 'get',
  path: '/dlq/messages',
  summary: 'Dead letters by filter, newest first',
  request: {
    query: z.strictObject({
      reason: z.enum(deadLetterReasons).optional(), state: z.enum(states).optional(), since: instant.optional(), until: instant.optional(), ...pageQueryFields,
    }),
  },
  responses: {
    200: answer('One page; large values are cut.', z.object({ items: z.array(letterSchema), next_cursor: z.string().nullable() })),
    422: problem('A filter is not one.'),
  },
});

const oneRoute = createRoute({
  method: 'get',
  path: '/dlq/messages/{id}',
  summary: 'One dead letter in full',
  request: { params: z.object({ id: z.string().min(1).max(256) }) },
  responses: { 200: answer('The letter.', letterSchema), 404: problem('No such letter.') },
});

const statsRoute = createRoute({
  method: 'get',
  path: '/dlq/stats',
  summary: 'Dead letters counted by state and reason',
  responses: {
    200: answer('Counts.', z.object({ by_state: z.record(z.enum(states), z.int()), by_reason: z.record(z.enum(deadLetterReasons), z.int()) })),
  },
});

export function deadLetterRoutes(app: OpenAPIHono<AppEnv>, { deadLetters }: Services): void {
  app.openapi(listRoute, async (c) => {
    const { limit, cursor, reason, state, since, until } = c.req.valid('query');
    const page = parseCursor(cursor);
    const [sinceMs, untilMs] = [millisecondsOf(since), millisecondsOf(until)];
    const { items, last } = await previews(deadLetters, {
      limit,
      ...(reason !== undefined && { reason }),
      ...(state !== undefined && { state }),
      ...(sinceMs !== undefined && { since: sinceMs }),
      ...(untilMs !== undefined && { until: untilMs }),
      ...(page !== null && { after: { failedAt: page.at, id: page.id } }),
    });
    return c.json({ items, next_cursor: last === null ? null : cursorOf(last.failedAt, last.id) }, 200);
  });

  app.openapi(oneRoute, async (c) => {
    const letter = await deadLetters.get(c.req.valid('param').id);
    if (letter === null) throw new ProblemError({ status: 404, code: 'dead_letter_not_found', detail: 'No dead letter has this id.' });
    return c.json(letterOf(letter, Number.POSITIVE_INFINITY), 200);
  });

  app.openapi(statsRoute, async (c) => {
    const { byState, byReason } = await deadLetters.stats();
    const by_reason = { not_json: 0, invalid_event: 0, too_large: 0, embedding_failed: 0, store_rejected: 0, ...byReason };
    return c.json({ by_state: byState, by_reason }, 200);
  });
}

type Letter = z.infer<typeof letterSchema>;

/** The beginnings of the letters; `last` is where the page ends, `null` when nothing comes after it. */
async function previews(deadLetters: DeadLetters, query: DeadLetterQuery): Promise<{ items: Letter[]; last: NonNullable<DeadLetterQuery['after']> | null }> {
  const items: Letter[] = [];
  let from: Pick<DeadLetterQuery, 'after'> = query.after === undefined ? {} : { after: query.after };
  for (;;) {
    const limit = Math.min(portionMax, query.limit - items.length);
    const letters = await deadLetters.list({ ...query, ...from, limit });
    items.push(...letters.map((letter) => letterOf(letter, previewBytesMax)));
    const last = letters.at(-1);
    if (last === undefined || letters.length < limit) return { items, last: null };
    const after = { failedAt: last.failedAt, id: last.id };
    if (items.length === query.limit) return { items, last: after };
    from = { after };
  }
}

function letterOf(letter: DeadLetterEntry, bytesMax: number): Letter {
  const base64: string[] = [];
  const shown = (member: string, bytes: Uint8Array): string => {
    const text = textOf(bytes);
    if (text === null) base64.push(member);
    return text ?? Buffer.from(bytes).toString('base64');
  };
  return {
    id: letter.id,
    state: letter.state,
    reason: letter.reason,
    message: letter.message,
    field: letter.field,
    event_id: letter.eventId,
    failed_at: new Date(letter.failedAt).toISOString(),
    attempts: letter.attempts,
    runner: letter.runner,
    origin: letter.origin,
    timestamp: new Date(letter.timestamp).toISOString(),
    key: letter.key === null ? null : shown('key', letter.key),
    value: shown('value', beginning(letter.value, bytesMax)),
    value_bytes: letter.value.length,
    value_truncated: letter.value.length > bytesMax,
    headers: Object.fromEntries(Object.entries(letter.headers).map(([name, value]) => [name, shown(`headers.${name}`, value)])),
    base64,
  };
}

/** At most so many bytes, not cut inside a UTF-8 character (whose bytes after the first read 10xxxxxx). */
function beginning(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.length <= bytesMax) return bytes;
  let end = bytesMax;
  while (end > bytesMax - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `null` when the bytes are not UTF-8: a replacement character would lose them. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
