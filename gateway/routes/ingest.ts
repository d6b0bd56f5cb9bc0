// POST /events: takes one event, an array or NDJSON, answers per item, and says 202 only once what it took is durable.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { wireEventSchema } from '#core/event-schema.ts';
import { eventLimits, isRejection, parseEvent } from '#core/event.ts';
import { deadLetterReasons, type LogRecord, type Rejection } from '#core/ports.ts';
import type { AppEnv } from '../app-env.ts';
import { ProblemError } from '../middleware/problem.ts';
import { BodyReader } from '../read-body.ts';
import type { Services } from '../services.ts';
import { splitArray, splitLines } from '../split-records.ts';
import { answer, problem } from './schemas.ts';

const itemSchema = z.object({
  index: z.int(),
  event_id: z.string().nullable().openapi({ description: 'null when it could not be read.' }),
  status: z.enum(['accepted', 'rejected', 'dead_lettered']),
  error: z.object({ code: z.enum(deadLetterReasons), message: z.string(), field: z.string().nullable() }).optional(),
}).openapi('IngestItem');
type Item = z.infer<typeof itemSchema>;

const resultSchema = z.object({
  accepted: z.int().openapi({ description: 'Valid events, durable in the log.' }),
  rejected: z.int().openapi({ description: 'Invalid events, not taken.' }),
  dead_lettered: z.int().openapi({ description: 'Invalid events, durable in the log on their way to the dead-letter queue (on_invalid=dead_letter).' }),
  items: z.array(itemSchema).openapi({ description: 'One per event, in order.' }),
}).openapi('IngestResult');

// Not zod schemas: the body is parsed here, by the event's own parser, and not a second time by the framework's validator.
const eventJsonSchema = z.toJSONSchema(wireEventSchema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
const oneOrMany = { oneOf: [eventJsonSchema, { type: 'array', items: eventJsonSchema }] };
const lines = { type: 'string', description: 'One event per line; blank lines are skipped.' } as const;

const route = createRoute({
  method: 'post',
  path: '/events',
  summary: 'Take in events',
  request: {
    query: z.strictObject({
      on_invalid: z.enum(['reject', 'dead_letter']).default('reject').openapi({ description: 'reject: invalid events are turned away, item by item. dead_letter: they are taken too, and end in the dead-letter queue with their reason.' }),
    }),
    body: { required: true, content: { 'application/json': { schema: oneOrMany }, 'application/x-ndjson': { schema: lines } } },
  },
  responses: {
    202: answer('What was taken is durable.', resultSchema),
    400: problem('Nothing was taken; `items` says why.'),
    413: problem('Too many bytes or events.'),
    415: problem('Neither JSON nor NDJSON.'),
    429: problem('The log is full, or too many bodies are being read: wait as Retry-After says.'),
  },
});

/** Between two turns of the event loop: a large request must not hold up searches and heartbeats. */
const eventsPerTurn = 250;
const encoder = new TextEncoder();

/** Of this many bodies of the largest size the memory is there. */
const largestBodiesAtOnce = 4;

export function ingestRoute(app: OpenAPIHono<AppEnv>, { sink, clock, config }: Services): void {
  const { bodyBytesMax, eventsPerRequestMax, eventBytesMax } = config.ingest;
  const limits = { ...eventLimits, bytesMax: eventBytesMax };
  const bodies = new BodyReader({ bytesMax: bodyBytesMax, bytesMaxTogether: largestBodiesAtOnce * bodyBytesMax });
  app.openapi(route, async (c) => {
    const format = formatOf(c.req.header('content-type'), c.req.header('content-encoding'));
    using body = await bodies.read(c.req.raw);
    const { bytes } = body;
    // One more than is allowed, so that a body of millions is not cut up only to be refused.
    const values = format === 'lines' ? splitLines(bytes, eventsPerRequestMax + 1) : (splitArray(bytes, eventsPerRequestMax + 1) ?? [bytes]);
    if (values.length === 0 || bytes.length === 0) throw new ProblemError({ status: 400, code: 'no_events', detail: 'The body holds no event.' });
    if (values.length > eventsPerRequestMax) {
      throw new ProblemError({ status: 413, code: 'too_many_events', detail: `The body holds more than ${eventsPerRequestMax} events. Send it in parts.` });
    }
    const deadLetter = c.req.valid('query').on_invalid === 'dead_letter';
    const headers = { 'x-request-id': encoder.encode(c.get('requestId')) };
    const now = clock.now();
    const records: LogRecord[] = [];
    const items: Item[] = [];
    for (const [index, value] of values.entries()) {
      if (index % eventsPerTurn === eventsPerTurn - 1) await nextTurn();
      const event = parseEvent(value, now, limits);
      if (!isRejection(event)) {
        records.push({ key: encoder.encode(event.userId), value, headers, timestamp: now });
        items.push({ index, event_id: event.eventId, status: 'accepted' });
      } else {
        if (deadLetter) records.push({ key: null, value, headers, timestamp: now });
        items.push({ index, event_id: event.eventId, status: deadLetter ? 'dead_lettered' : 'rejected', error: errorOf(event) });
      }
    }
    if (records.length > 0) await sink.append(records);
    const count = (status: Item['status']) => items.reduce((sum, item) => sum + (item.status === status ? 1 : 0), 0);
    const result = { accepted: count('accepted'), rejected: count('rejected'), dead_lettered: count('dead_lettered'), items };
    c.get('log').debug({ accepted: result.accepted, rejected: result.rejected, dead_lettered: result.dead_lettered }, 'events taken in');
    if (records.length === 0) throw nothingAccepted(result);
    return c.json(result, 202);
  });
}

function formatOf(contentType: string | undefined, contentEncoding: string | undefined): 'json' | 'lines' {
  if (contentEncoding !== undefined && contentEncoding !== 'identity') {
    throw new ProblemError({ status: 415, code: 'unsupported_content_encoding', detail: `Content-Encoding is ${contentEncoding.slice(0, 40)}; send the body uncompressed.` });
  }
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json') return 'json';
  if (['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonlines'].includes(type)) return 'lines';
  throw new ProblemError({ status: 415, code: 'unsupported_media_type', detail: `Content-Type is ${type.slice(0, 80) || 'missing'}; send application/json (one event or an array) or application/x-ndjson (one event per line).` });
}

const errorOf = ({ reason, message, field }: Rejection): NonNullable<Item['error']> => ({ code: reason, message, field });

function nothingAccepted(result: z.infer<typeof resultSchema>): ProblemError {
  const [first] = result.items;
  const isNotJson = result.items.length === 1 && first?.error?.code === 'not_json';
  const detail = `${result.items.length === 1 ? 'The event was' : `All ${result.items.length} events were`} rejected; ${first?.error?.message ?? 'see items'}`;
  return new ProblemError({ status: 400, code: isNotJson ? 'malformed_json' : 'no_event_accepted', detail, more: result });
}
