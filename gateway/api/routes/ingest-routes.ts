// POST /events: takes one event, an array or NDJSON, answers per item, and says 202 only once what
// it took is durable.

import { createHash } from 'node:crypto';
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { wireEventSchema } from '#core/event/event-schema.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { ProblemError } from '../../http/problem-document.ts';
import { idempotencyDefaults, IdempotencyKeys } from '../../ingest/idempotency.ts';
import { Intake, intakeSchema, type IntakeResult } from '../../ingest/intake.ts';
import { linePortions } from '../../ingest/line-portions.ts';
import { BodyReader } from '../../ingest/read-body.ts';
import { splitArray, splitLines } from '../../ingest/split-records.ts';
import type { AppEnv } from '../app-env.ts';
import { problemOf } from '../middleware/problem-response.ts';
import type { Services } from '../services.ts';
import { answer, exampleEvent, problem } from './schemas.ts';

// Not zod schemas: the body is parsed here, by the event's own parser, and not a second time by the
// framework's validator.
const eventJsonSchema = z.toJSONSchema(wireEventSchema, {
  io: 'input',
  unrepresentable: 'any',
}) as Record<string, unknown>;
const oneOrMany = { oneOf: [eventJsonSchema, { type: 'array', items: eventJsonSchema }] };
const lines = {
  type: 'string',
  description: 'One event per line; blank lines are skipped. Taken in while it comes.',
} as const;

const route = createRoute({
  method: 'post',
  path: '/events',
  summary: 'Take in events',
  description:
    'One event, an array, or NDJSON; plain or with Content-Encoding gzip, br or zstd. 202 comes once what was taken is durable. NDJSON is put into the log while it arrives: ' +
    'when a request with it fails on its way (429, 413, a connection that breaks), what was accepted before stays, and an error that still reaches the client lists it in `items`. ' +
    'Sending all of it again is always safe: the same event_id makes no second copy.',
  request: {
    query: z.strictObject({
      on_invalid: z.enum(['reject', 'dead_letter']).default('reject').openapi({
        description:
          'reject: invalid events are turned away, item by item. dead_letter: they are taken too, and end in the dead-letter queue with their reason.',
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
            'Chosen by the client, one for each request that it means once. Sent again with the same body, it gets the same answer and writes nothing; remembered for a day by this gateway until it restarts.',
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
    202: answer('What was taken is durable.', intakeSchema),
    400: problem('Nothing was taken and `items` says why; or the body cannot be read.'),
    409: problem('A request with this Idempotency-Key is still being worked on.'),
    413: problem('Too many bytes (decompressed) or events.'),
    415: problem('Neither JSON nor NDJSON, or an encoding that is not known.'),
    422: problem('This Idempotency-Key came with another body before; or a parameter is not one.'),
    429: problem(
      'The log is full or Kafka too far behind, or too many bodies are being read: wait as Retry-After says.',
    ),
  },
});

/**
 * Of this many bodies of the largest size the memory is there: half of it is for large ones, half
 * for small ones.
 */
const largestBodiesAtOnce = 4;
const portionBytes = 256 * 1024;
const portionQuietMs = 50;

type Format = 'json' | 'lines';

export function ingestRoute(app: OpenAPIHono<AppEnv>, { sink, clock, config }: Services): void {
  const { bodyBytesMax, eventsPerRequestMax, eventBytesMax } = config.ingest;
  const bodies = new BodyReader(
    {
      bytesMax: bodyBytesMax,
      bytesMaxTogether: largestBodiesAtOnce * bodyBytesMax,
      largeAtOnce: largestBodiesAtOnce / 2,
    },
    clock,
  );
  const keys = new IdempotencyKeys(idempotencyDefaults);
  const tooMany = new ProblemError({
    status: 413,
    code: 'too_many_events',
    detail: `The body holds more than ${eventsPerRequestMax} events. Send it in parts.`,
  });

  /** `seen` is shown every byte of the body. */
  const takeIn = async (
    request: Request,
    format: Format,
    intake: Intake,
    seen: (chunk: Uint8Array) => void,
  ): Promise<void> => {
    if (format === 'json') {
      using body = await bodies.read(request);
      seen(body.bytes);
      if (body.bytes.length === 0) return;
      // One more than is allowed, so that a body of millions is not cut up only to be refused.
      const values = splitArray(body.bytes, eventsPerRequestMax + 1) ?? [body.bytes];
      if (values.length > eventsPerRequestMax) throw tooMany;
      return intake.take(values);
    }
    using hold = bodies.hold(request);
    for await (const portion of linePortions(bodies.chunks(request), {
      bytes: portionBytes,
      quietMs: portionQuietMs,
      clock,
      hold,
    })) {
      seen(portion);
      const values = splitLines(portion, eventsPerRequestMax - intake.size + 1);
      if (intake.size + values.length > eventsPerRequestMax) throw tooMany;
      await intake.take(values);
    }
  };

  const carryOut = async (
    c: Context<AppEnv>,
    format: Format,
    deadLetter: boolean,
    seen: (chunk: Uint8Array) => void,
  ): Promise<IntakeResult> => {
    const intake = new Intake({
      sink,
      deadLetter,
      limits: { ...eventLimits, bytesMax: eventBytesMax },
      requestId: c.get('requestId'),
      now: clock.now(),
    });
    try {
      await takeIn(c.req.raw, format, intake, seen);
    } catch (error) {
      const told = problemOf(error);
      // What is not the client's business is told as ever, and logged.
      throw told.status === 500 ? error : intake.interrupted(new ProblemError(told));
    } finally {
      c.get('charge')(intake.size - 1);
    }
    const result = intake.result();
    const { accepted, rejected, dead_lettered } = result;
    Object.assign(c.get('audit'), { accepted, rejected, dead_lettered });
    c.get('log').debug({ accepted, rejected, dead_lettered }, 'events taken in');
    return result;
  };

  const once = async (
    c: Context<AppEnv>,
    key: string,
    format: Format,
    deadLetter: boolean,
  ): Promise<IntakeResult> => {
    const hash = createHash('sha256').update(`${format} ${deadLetter}\n`);
    const begun = keys.begin(key, clock.monotonic());
    if (begun.state === 'busy')
      throw new ProblemError({
        status: 409,
        code: 'idempotency_key_busy',
        detail:
          'The first request with this Idempotency-Key is still being worked on: ask again later.',
        retryAfter: 1,
      });
    if (begun.state === 'done') {
      for await (const chunk of bodies.chunks(c.req.raw)) hash.update(chunk);
      if (hash.digest('hex') !== begun.fingerprint)
        throw new ProblemError({
          status: 422,
          code: 'idempotency_key_reused',
          detail: 'This Idempotency-Key came with another body before: give every request its own.',
        });
      c.header('Idempotency-Replayed', 'true');
      return intakeSchema.parse(JSON.parse(begun.answer));
    }
    try {
      const result = await carryOut(c, format, deadLetter, (chunk) => hash.update(chunk));
      keys.finish(key, hash.digest('hex'), JSON.stringify(result), clock.monotonic());
      return result;
    } catch (error) {
      keys.abandon(key);
      throw error;
    }
  };

  app.openapi(route, async (c) => {
    const format = formatOf(c.req.header('content-type'));
    const deadLetter = c.req.valid('query').on_invalid === 'dead_letter';
    const key = c.req.valid('header')['idempotency-key'];
    if (key === undefined)
      return c.json(await carryOut(c, format, deadLetter, () => undefined), 202);
    // Of this client: another one may choose the same.
    const client = c.get('client').key ?? '';
    return c.json(
      await once(
        c,
        createHash('sha256').update(`${client}\n${key}`).digest('base64'),
        format,
        deadLetter,
      ),
      202,
    );
  });
}

function formatOf(contentType: string | undefined): Format {
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
    detail: `Content-Type is ${type.slice(0, 80) || 'missing'}; send application/json (one event or an array) or application/x-ndjson (one event per line).`,
  });
}
