// POST /events: accepts one event, an array or NDJSON, answers per item, and answers 202 only once
// the accepted events are durable.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { wireEventSchema } from '#core/event/event-schema.ts';
import type { MappingSet, RecordMapping } from '#core/mapping/record-mapping.ts';
import { grants } from '../../config/api-keys.ts';
import { mappingsOf } from '../../config/record-mappings.ts';
import { ProblemError } from '../../http/problem-document.ts';
import { intakeSchema } from '../../ingest/intake.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { IngestRequests, type BodyFormat } from './ingest-requests.ts';
import { answer, exampleEvent, problem } from './schemas.ts';

// Not zod schemas, so that the framework does not validate the body: the event's own parser does.
const eventJsonSchema = z.toJSONSchema(wireEventSchema, {
  io: 'input',
  unrepresentable: 'any',
}) as Record<string, unknown>;
const oneOrMany = { oneOf: [eventJsonSchema, { type: 'array', items: eventJsonSchema }] };
const lines = {
  type: 'string',
  description: 'One event per line; blank lines are skipped. Accepted while it arrives.',
} as const;

const route = createRoute({
  method: 'post',
  path: '/events',
  summary: 'Send events',
  description:
    'One event, an array, or NDJSON; uncompressed or with Content-Encoding gzip, br or zstd. The ' +
    'answer is 202 once the accepted events are durable. NDJSON is written to the log while it ' +
    'arrives: if such a request fails midway (429, 413, a broken connection), the events ' +
    'accepted ' +
    'so far stay, and an error that still reaches the client lists them in `items`. Sending ' +
    'everything again is always safe: the same event_id makes no second copy. Unless ' +
    'events.strict is set, other forms are read too where they can mean only one thing: ids as ' +
    'whole numbers (every digit is kept), prices and amounts as numeric text, event types in any ' +
    'case, names in camelCase, times in seconds, milliseconds, microseconds or nanoseconds since ' +
    '1970 or without an offset (events.timeZone). Without a session_id, all that a user does ' +
    'on a day (UTC) is one session. docs/events.md has the list. With a key that ' +
    'may only collect, a body has at most 64 KiB, the gateway sets `timestamp` to the time of ' +
    'arrival and `collected_by` to the name of the key, and an event whose event_id is stored ' +
    'already changes nothing.',
  request: {
    query: z.strictObject({
      on_invalid: z
        .enum(['reject', 'dead_letter'])
        .default('reject')
        .openapi({
          description:
            'reject: invalid events are rejected, item by item. dead_letter: they are accepted ' +
            'too, ' +
            'and go to the dead-letter queue with their reason.',
        }),
      mapping: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .openapi({
          description:
            'The mapping that reads events of another shape: one of events.mappings, or a ' +
            'ready-made one, by name (docs/events.md). It must give each event an event_id.',
          example: 'segment',
        }),
    }),
    headers: z.object({
      'idempotency-key': z
        .string()
        .regex(
          /^[\x21-\x7e]{1,255}$/,
          'expected 1 to 255 printable ASCII characters without spaces',
        )
        .optional()
        .openapi({
          description:
            'Chosen by the client, a new one for each request that must take effect once. The ' +
            'same ' +
            'key with the same body gets the same answer and writes nothing. This gateway ' +
            'remembers ' +
            'keys for a day, or until it restarts.',
        }),
    }),
    body: {
      required: true,
      content: {
        'application/json': { schema: oneOrMany, example: exampleEvent },
        'application/x-ndjson': { schema: lines, example: `${JSON.stringify(exampleEvent)}\n` },
      },
    },
  },
  responses: {
    202: answer('The accepted events are durable.', intakeSchema),
    400: problem('No event was accepted, and `items` says why; or the body cannot be read.'),
    409: problem('A request with this Idempotency-Key is still in progress.'),
    413: problem('Too many bytes (decompressed), or too many events.'),
    415: problem('The body is neither JSON nor NDJSON, or has an unknown encoding.'),
    422: problem('This Idempotency-Key was used with another body; or a parameter is wrong.'),
    503: problem(
      'The log is not available, or its disk has no room (`disk_space_low`): ' +
        'wait as Retry-After says.',
    ),
    429: problem(
      'The log is full, Kafka is too far behind, or too many bodies are being read; ' +
        'retry after the seconds in Retry-After.',
    ),
  },
});

export function ingestRoute(app: OpenAPIHono<AppEnv>, services: Services): void {
  const requests = new IngestRequests(services);
  const mappings = mappingsOf(services.config);
  app.openapi(route, async (c) => {
    const format = formatOf(c.req.header('content-type'));
    const { on_invalid: onInvalid, mapping: name = null } = c.req.valid('query');
    const toDeadLetters = onInvalid === 'dead_letter';
    const mapping = name === null ? null : mappingNamed(name, mappings);
    const key = c.req.valid('header')['idempotency-key'] ?? null;
    const client = c.get('client');
    const collectedBy = grants(client.scopes, 'write') ? null : client.key;
    if (collectedBy !== null && (toDeadLetters || mapping !== null))
      throw new ProblemError({
        status: 403,
        code: 'scope_missing',
        detail:
          `${toDeadLetters ? 'on_invalid=dead_letter' : 'mapping'} needs an API key with the ` +
          'scope write.',
      });
    const request = { format, toDeadLetters, key, collectedBy, mapping };
    return c.json(await requests.handle(c, request), 202);
  });
}

function mappingNamed(name: string, mappings: MappingSet): RecordMapping {
  const mapping = mappings.named(name);
  if (mapping !== null) return mapping;
  const { names } = mappings;
  throw new ProblemError({
    status: 422,
    code: 'unknown_mapping',
    detail: `mapping is ${JSON.stringify(name.slice(0, 80))}; allowed are ${names.join(', ')}.`,
  });
}

function formatOf(contentType: string | undefined): BodyFormat {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json') return 'json';
  if (
    [
      'application/x-ndjson',
      'application/ndjson',
      'application/jsonl',
      'application/x-jsonlines',
    ].includes(type)
  )
    return 'lines';
  throw new ProblemError({
    status: 415,
    code: 'unsupported_media_type',
    detail:
      `Content-Type is ${type.slice(0, 80) || 'missing'}; send application/json (one event or an ` +
      'array) or application/x-ndjson (one event per line).',
  });
}
