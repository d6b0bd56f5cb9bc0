// What may be done with dead letters: put them back into the source, purge them, add one by hand. Each is written down with who did it.
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { eventLimits } from '#core/event.ts';
import { deadLetterReasons, type LogRecord } from '#core/ports.ts';
import { uuidV5 } from '#core/uuid.ts';
import type { Client } from '../access/access.ts';
import type { AppEnv } from '../app-env.ts';
import { countLetters, createPurger } from '../dead-letters/purge.ts';
import { batchMsMax, createReplayer } from '../dead-letters/replay.ts';
import { refusalCodes, type Refusal } from '../dead-letters/replay-plan.ts';
import { ProblemError, problemResponse } from '../middleware/problem.ts';
import type { Services } from '../services.ts';
import { letterFilterFields, letterFilterOf, letterSchema, letterView, positionSchema } from './dead-letter-view.ts';
import { answer, cursorOf, parseCursor, problem } from './schemas.ts';

/** Of the letters that an answer names. */
const idsMax = 20;
const idParams = z.object({ id: z.string().min(1).max(256) });
const filterSchema = z.strictObject(letterFilterFields).openapi('DeadLetterFilter', { description: 'Open letters, unless `state` says otherwise.' });
const jsonBody = <S extends z.ZodType>(schema: S) => ({ required: true, content: { 'application/json': { schema } } });

const replayRoute = createRoute({
  method: 'post',
  path: '/dlq/replay/{id}',
  summary: 'Put one dead letter back into the source, as it was or corrected',
  request: {
    params: idParams,
    body: { ...jsonBody(z.strictObject({
      payload: z.union([z.string(), z.record(z.string(), z.unknown())], { error: 'expected the event as an object, or its bytes as text' }).optional()
        .openapi({ description: 'The corrected event, as an object or as text that is taken as it is. Without it the letter goes as it was.' }),
      force: z.boolean().optional().openapi({ description: 'Also when it was put back before, too often, or would fail again.' }),
    })), required: false },
  },
  responses: {
    200: answer('It is durable in the source; what becomes of it is seen there.', z.object({ id: z.string(), position: positionSchema })),
    404: problem('No such letter.'),
    409: problem('It was put back or purged before, or put back too often.'),
    422: problem('It would fail again, or only a part of it is there.'),
    503: problem('The source or the dead-letter queue is not available.'),
  },
});

const batchRoute = createRoute({
  method: 'post',
  path: '/dlq/replay/batch',
  summary: 'Put dead letters back by filter, newest first',
  request: {
    body: jsonBody(z.strictObject({
      filter: filterSchema.default({}),
      dry_run: z.boolean().default(false).openapi({ description: 'Count, and say what would be done; nothing is.' }),
      limit: z.int().min(1).max(1000).default(1000).openapi({ description: 'Letters to look at in this call.' }),
      rate: z.number().min(0.1).max(100_000).optional().openapi({ description: 'Letters per second.' }),
      force: z.boolean().default(false),
      cursor: z.string().max(512).optional().openapi({ description: 'next_cursor of the call before.' }),
    })),
  },
  responses: {
    200: answer(`What was done within ${batchMsMax / 1000} seconds. Call again with next_cursor until that is null.`, z.object({
      dry_run: z.boolean(),
      matching: z.int().nullable().openapi({ description: 'Letters that the filter finds from the cursor on; only of a dry run.' }),
      replayed: z.int().openapi({ description: 'Of a dry run: that would be.' }),
      refused: z.int(),
      ids: z.array(z.string()).openapi({ description: `The first ${idsMax} of those.` }),
      refusals: z.array(z.object({ id: z.string(), code: z.enum(refusalCodes), detail: z.string() })).openapi({ description: `The first ${idsMax}.` }),
      next_cursor: z.string().nullable(),
      trouble: z.string().nullable().openapi({ description: 'Why it ended early, when something failed on the way.' }),
    })),
    422: problem('Not a filter, or not a cursor.'),
    503: problem('The source or the dead-letter queue is not available; nothing was done.'),
  },
});

const addRoute = createRoute({
  method: 'post',
  path: '/dlq/messages',
  summary: 'Add a dead letter by hand',
  request: {
    body: jsonBody(z.strictObject({
      reason: z.enum(deadLetterReasons),
      message: z.string().min(1).max(2000),
      value: z.string().openapi({ description: 'The bytes of the event, as text.' }),
      encoding: z.enum(['utf8', 'base64']).default('utf8').openapi({ description: 'Of value and key.' }),
      key: z.string().max(4096).nullable().default(null),
      headers: z.record(z.string().min(1).max(200), z.string().max(4096)).default({}),
      event_id: z.string().min(1).max(512).nullable().default(null),
      field: z.string().min(1).max(512).nullable().default(null),
    })),
  },
  responses: { 201: answer('It is durable in the queue. With the same X-Request-Id it is the same letter.', letterSchema), 422: problem('A member is not right.'), 503: problem('The dead-letter queue is not available.') },
});

const purgeOneRoute = createRoute({
  method: 'delete',
  path: '/dlq/messages/{id}',
  summary: 'Purge one dead letter: its payload goes, its reason stays',
  request: { params: idParams },
  responses: { 204: { description: 'It is purged, perhaps since before.' }, 404: problem('No such letter.'), 503: problem('The dead-letter queue is not available.') },
});

const purgeRoute = createRoute({
  method: 'post',
  path: '/dlq/purge',
  summary: 'Purge dead letters by filter, in two calls: the first counts, the second confirms the count',
  request: {
    body: jsonBody(z.strictObject({
      filter: filterSchema.default({}),
      confirm: z.int().min(0).optional().openapi({ description: '`matching` of a call without it.' }),
    })),
  },
  responses: {
    200: answer('Without confirm nothing is purged.', z.object({ matching: z.int(), purged: z.int(), ids: z.array(z.string()) })),
    409: problem('The filter finds another number of letters than was confirmed; `matching` tells.'),
    422: problem('Not a filter.'),
    503: problem('The dead-letter queue is not available.'),
  },
});

export function deadLetterActionRoutes(app: OpenAPIHono<AppEnv>, { deadLetters, sink, clock, config, telemetry, log }: Services): void {
  /** At once, portion by portion: the line of the audit trail is written when the call has ended. */
  const tell = (action: 'replayed' | 'purged' | 'added') => (ids: readonly string[], by: string): void => {
    telemetry.deadLetterAction(action, ids.length);
    log.info({ action: `dead_letters_${action}`, by, count: ids.length, dead_letter_ids: ids }, `dead letters ${action}`);
  };
  const replayer = createReplayer({
    deadLetters, sink, clock, rules: { redrivesMax: config.ingest.redrivesMax, event: { ...eventLimits, bytesMax: config.ingest.eventBytesMax } },
    observer: { replayed: tell('replayed'), refused: (count) => telemetry.deadLetterAction('refused', count) },
  });
  const purger = createPurger(deadLetters, clock, tell('purged'));

  // A corrected event of the largest size, in which every second character is escaped.
  const bytesMax = 2 * config.ingest.eventBytesMax + 64 * 1024;
  app.use('/dlq/*', bodyLimit({
    maxSize: bytesMax,
    onError: (c) => problemResponse(c, { status: 413, code: 'body_too_large', detail: `The body is larger than ${bytesMax} bytes.` }),
  }));

  // Before the path with an id, which would take `batch` for one.
  app.openapi(batchRoute, async (c) => {
    const { filter, dry_run, limit, rate, force, cursor } = c.req.valid('json');
    const page = parseCursor(cursor);
    const asked = { state: 'open' as const, ...letterFilterOf(filter), ...(page !== null && { after: { failedAt: page.at, id: page.id } }) };
    const matching = dry_run ? (await countLetters(deadLetters, asked, 0)).count : null;
    const { outcomes, next, trouble } = await replayer.batch(asked, {
      dryRun: dry_run, limit, perSecond: rate ?? null, force, by: nameOf(c.get('client')), signal: c.req.raw.signal,
    });
    const refusals = outcomes.flatMap((outcome) => ('refusal' in outcome ? [{ id: outcome.id, ...outcome.refusal }] : []));
    const ids = outcomes.flatMap((outcome) => ('refusal' in outcome ? [] : [outcome.id]));
    Object.assign(c.get('audit'), { dry_run, filter: withoutText(filter), replayed: ids.length, refused: refusals.length });
    return c.json({
      dry_run, matching, replayed: ids.length, refused: refusals.length, ids: ids.slice(0, idsMax), refusals: refusals.slice(0, idsMax),
      next_cursor: next === null ? null : cursorOf(next.failedAt, next.id), trouble,
    }, 200);
  });

  app.openapi(replayRoute, async (c) => {
    const { payload, force = false } = c.req.valid('json');
    const { id } = c.req.valid('param');
    const bytes = payload === undefined ? null : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
    const outcome = await replayer.one(id, { payload: bytes, force, by: nameOf(c.get('client')) });
    if (outcome === null) throw unknownLetter();
    Object.assign(c.get('audit'), { dead_letter_id: id, edited: bytes !== null, force, ...('refusal' in outcome ? { refused: outcome.refusal.code } : { position: outcome.position }) });
    if ('refusal' in outcome) throw refusalProblem(outcome.refusal);
    return c.json(outcome, 200);
  });

  app.openapi(addRoute, async (c) => {
    const { value, key, headers, encoding, reason, message, field, event_id: eventId } = c.req.valid('json');
    const record: Pick<LogRecord, 'key' | 'value' | 'headers'> = {
      key: key === null ? null : bytesOf('key', key, encoding),
      value: bytesOf('value', value, encoding),
      headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
    };
    const now = clock.now();
    const id = uuidV5(`manual/${c.get('requestId')}`);
    await deadLetters.put([{ ...record, id, origin: { topic: 'manual', partition: 0, offset: now }, timestamp: now, reason, message, field, eventId, failedAt: now, attempts: 0, runner: null }]);
    tell('added')([id], nameOf(c.get('client')));
    Object.assign(c.get('audit'), { dead_letter_id: id });
    const letter = await deadLetters.get(id);
    if (letter === null) throw unknownLetter();
    return c.json(letterView(letter, Number.POSITIVE_INFINITY), 201);
  });

  app.openapi(purgeOneRoute, async (c) => {
    if (!await purger.one(c.req.valid('param').id, nameOf(c.get('client')))) throw unknownLetter();
    return c.body(null, 204);
  });

  app.openapi(purgeRoute, async (c) => {
    const { filter, confirm } = c.req.valid('json');
    const given = letterFilterOf(filter);
    // Letters that come meanwhile were not counted, and are not purged.
    const asked = { state: 'open' as const, ...given, until: Math.min(given.until ?? Number.POSITIVE_INFINITY, clock.now()) };
    const { count: matching, ids } = await countLetters(deadLetters, asked, idsMax);
    if (confirm === undefined) return c.json({ matching, purged: 0, ids: [...ids] }, 200);
    if (confirm !== matching) {
      throw new ProblemError({ status: 409, code: 'confirmation_differs', detail: `${confirm} was confirmed, and the filter finds ${matching} letters: look again, then confirm that number.`, more: { matching } });
    }
    const purged = await purger.all(asked, nameOf(c.get('client')), AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(batchMsMax)]));
    Object.assign(c.get('audit'), { filter: withoutText(filter), purged });
    return c.json({ matching, purged, ids: [...ids] }, 200);
  });
}

/** Who is written down: `key ops from 10.1.2.3`, or `anybody from 127.0.0.1` where no key is needed. */
const nameOf = ({ key, address }: Client): string => `${key === null ? 'anybody' : `key ${key}`}${address === '' ? '' : ` from ${address}`}`;

/** What is searched for may be somebody's data. */
const withoutText = ({ text, ...filter }: z.infer<typeof filterSchema>): object => ({ ...filter, ...(text !== undefined && { text: true }) });

const unknownLetter = (): ProblemError => new ProblemError({ status: 404, code: 'dead_letter_not_found', detail: 'No dead letter has this id.' });

function refusalProblem({ code, detail }: Refusal): ProblemError {
  const isPayloads = code === 'still_invalid' || code === 'value_cut' || code === 'refused_by_source';
  return new ProblemError({ status: isPayloads ? 422 : 409, code, detail });
}

function bytesOf(member: string, text: string, encoding: 'utf8' | 'base64'): Uint8Array {
  if (encoding === 'utf8') return Buffer.from(text);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new ProblemError({ status: 422, code: 'validation_failed', detail: `${member}: not base64.` });
  return bytes;
}
