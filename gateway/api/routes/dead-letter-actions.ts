// The actions on dead letters: replay them into the source, purge them, add one by hand. Each
// action is logged with who did it.

import type { OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { parseExactly } from '#core/event/exact-json.ts';
import { isDeeperThan } from '#core/event/json-guard.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { LogRecord } from '#core/ports.ts';
import type { Client } from '../../access/authorization.ts';
import { eventLimitsOf } from '../../config/event-limits.ts';
import { mappingsOf } from '../../config/record-mappings.ts';
import { countDeadLetters, createPurger } from '../../dead-letters/purge.ts';
import type { Refusal } from '../../dead-letters/replay-plan.ts';
import { batchMsMax, createReplayer, previewsMax } from '../../dead-letters/replay.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import { bodyLimit } from '../middleware/body-limit.ts';
import type { Services } from '../services.ts';
import {
  addRoute,
  batchRoute,
  type filterSchema,
  idsMax,
  purgeOneRoute,
  purgeRoute,
  replayRoute,
} from './dead-letter-operations.ts';
import { compiledTransform, previewOf } from './dead-letter-transforms.ts';
import { deadLetterFilterOf, deadLetterView } from './dead-letter-view.ts';
import { cursorOf, parseCursor } from './schemas.ts';

/** How one call with dead letters is reported, at once and in portions: ids, and who did it. */
type Report = (ids: readonly string[], by: string) => void;

export function deadLetterActionRoutes(app: OpenAPIHono<AppEnv>, services: Services): void {
  const { deadLetters, clock, config, telemetry, log } = services;
  const { redrivesMax, eventBytesMax } = config.ingest;
  /** The audit trail has one line for the whole call, written at its end. */
  const report =
    (action: 'replayed' | 'purged' | 'added'): Report =>
    (ids, by) => {
      telemetry.deadLetterAction(action, ids.length);
      log.info(
        { action: `dead_letters_${action}`, by, count: ids.length, dead_letter_ids: ids },
        `dead letters ${action}`,
      );
    };
  const replayer = createReplayer({
    ...services,
    rules: { redrivesMax, event: eventLimitsOf(config), mappings: mappingsOf(config) },
    observer: {
      replayed: report('replayed'),
      refused: (count) => telemetry.deadLetterAction('refused', count),
    },
  });

  // Room for a corrected event of the largest size in which every second character is escaped.
  app.use('/dlq/*', bodyLimit(2 * eventBytesMax + 64 * 1024));
  replayRoutes(app, deadLetters, replayer);
  addDeadLetterRoute(app, services, report('added'));
  purgeRoutes(app, services, createPurger(deadLetters, clock, report('purged')));
}

function replayRoutes(
  app: OpenAPIHono<AppEnv>,
  deadLetters: Services['deadLetters'],
  replayer: ReturnType<typeof createReplayer>,
): void {
  // Before the path with an id, which would match `batch`.
  app.openapi(batchRoute, async (c) => {
    const { filter, dry_run, limit, rate, force, transform, cursor } = c.req.valid('json');
    const page = parseCursor(cursor);
    const query = {
      state: 'open' as const,
      ...deadLetterFilterOf(filter),
      ...(page !== null && { after: { failedAt: page.at, id: page.id } }),
    };
    const matching = dry_run ? (await countDeadLetters(deadLetters, query, 0)).count : null;
    const { outcomes, next, trouble } = await replayer.batch(query, {
      transform: transform === undefined ? null : compiledTransform(transform),
      dryRun: dry_run,
      limit,
      perSecond: rate ?? null,
      force,
      by: nameOf(c.get('client')),
      signal: c.req.raw.signal,
    });
    const refusals = outcomes.flatMap((outcome) =>
      'refusal' in outcome ? [{ id: outcome.id, ...outcome.refusal }] : [],
    );
    const ids = outcomes.flatMap((outcome) => ('refusal' in outcome ? [] : [outcome.id]));
    Object.assign(c.get('audit'), {
      dry_run,
      filter: withoutText(filter),
      ...(transform !== undefined && { transformed: Object.keys(transform) }),
      replayed: ids.length,
      refused: refusals.length,
    });
    return c.json(
      {
        dry_run,
        matching,
        replayed: ids.length,
        refused: refusals.length,
        ids: ids.slice(0, idsMax),
        refusals: refusals.slice(0, idsMax),
        preview: outcomes
          .flatMap((outcome) =>
            'change' in outcome && outcome.change !== undefined
              ? [{ id: outcome.id, ...previewOf(outcome.change) }]
              : [],
          )
          .slice(0, previewsMax),
        next_cursor: next === null ? null : cursorOf(next.failedAt, next.id),
        trouble,
      },
      200,
    );
  });

  app.openapi(replayRoute, async (c) => {
    const { payload, force = false } = c.req.valid('json');
    const { id } = c.req.valid('param');
    const bytes =
      payload === undefined
        ? null
        : Buffer.from(typeof payload === 'string' ? payload : await exactPayload(c));
    const outcome = await replayer.one(id, { payload: bytes, force, by: nameOf(c.get('client')) });
    if (outcome === null) throw unknownDeadLetter();
    Object.assign(c.get('audit'), {
      dead_letter_id: id,
      edited: bytes !== null,
      force,
      ...('refusal' in outcome
        ? { refused: outcome.refusal.code }
        : { position: outcome.position }),
    });
    if ('refusal' in outcome) throw refusalProblem(outcome.refusal);
    return c.json(outcome, 200);
  });
}

/** The payload with the digits that were sent: in the validated body, numbers are floats. */
async function exactPayload(c: Context): Promise<string> {
  const body = parseExactly(await c.req.text());
  const { depthMax } = eventLimits;
  if (isDeeperThan(1 + depthMax, body))
    throw new ProblemError({
      status: 422,
      code: 'validation_failed',
      detail: `payload: nested in more than ${depthMax} levels, which no event may be.`,
    });
  return JSON.stringify(typeof body === 'object' && body !== null && Reflect.get(body, 'payload'));
}

function addDeadLetterRoute(
  app: OpenAPIHono<AppEnv>,
  { deadLetters, clock }: Services,
  report: Report,
): void {
  app.openapi(addRoute, async (c) => {
    const given = c.req.valid('json');
    const { value, key, headers, encoding, reason, message, field, event_id: eventId } = given;
    const record: Pick<LogRecord, 'key' | 'value' | 'headers'> = {
      key: key === null ? null : bytesOf('key', key, encoding),
      value: bytesOf('value', value, encoding),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]),
      ),
    };
    const now = clock.now();
    const id = uuidV5(`manual/${c.get('requestId')}/${JSON.stringify(given)}`);
    await deadLetters.put([
      {
        ...record,
        id,
        origin: { topic: 'manual', partition: 0, offset: now },
        timestamp: now,
        reason,
        message,
        field,
        eventId,
        failedAt: now,
        attempts: 0,
        runner: null,
      },
    ]);
    report([id], nameOf(c.get('client')));
    Object.assign(c.get('audit'), { dead_letter_id: id });
    const deadLetter = await deadLetters.get(id);
    if (deadLetter === null) throw unknownDeadLetter();
    return c.json(deadLetterView(deadLetter, Number.POSITIVE_INFINITY), 201);
  });
}

function purgeRoutes(
  app: OpenAPIHono<AppEnv>,
  { deadLetters, clock }: Services,
  purger: ReturnType<typeof createPurger>,
): void {
  app.openapi(purgeOneRoute, async (c) => {
    if (!(await purger.one(c.req.valid('param').id, nameOf(c.get('client')))))
      throw unknownDeadLetter();
    return c.body(null, 204);
  });

  app.openapi(purgeRoute, async (c) => {
    const { filter, confirm } = c.req.valid('json');
    const given = deadLetterFilterOf(filter);
    // Later dead letters are neither counted nor purged.
    const query = {
      state: 'open' as const,
      ...given,
      until: Math.min(given.until ?? Number.POSITIVE_INFINITY, clock.now()),
    };
    const { count: matching, ids } = await countDeadLetters(deadLetters, query, idsMax);
    if (confirm === undefined) return c.json({ matching, purged: 0, ids: [...ids] }, 200);
    if (confirm !== matching) {
      throw new ProblemError({
        status: 409,
        code: 'confirmation_differs',
        detail:
          `${confirm} was confirmed, but the filter matches ${matching} dead letters: ` +
          'check them again, then confirm that number.',
        more: { matching },
      });
    }
    const purged = await purger.all(
      query,
      nameOf(c.get('client')),
      AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(batchMsMax)]),
    );
    Object.assign(c.get('audit'), { filter: withoutText(filter), purged });
    return c.json({ matching, purged, ids: [...ids] }, 200);
  });
}

/** Who did it: `key ops from 10.1.2.3`, or `anybody from 127.0.0.1` where no key is needed. */
const nameOf = ({ key, address }: Client): string =>
  `${key === null ? 'anybody' : `key ${key}`}${address === '' ? '' : ` from ${address}`}`;

/** The text that is searched for may be personal data. */
const withoutText = ({ text, ...filter }: z.infer<typeof filterSchema>): object => ({
  ...filter,
  ...(text !== undefined && { text: true }),
});

const unknownDeadLetter = (): ProblemError =>
  new ProblemError({
    status: 404,
    code: 'dead_letter_not_found',
    detail: 'No dead letter has this id.',
  });

function refusalProblem({ code, detail }: Refusal): ProblemError {
  const isPayloadWrong =
    code === 'still_invalid' || code === 'value_cut' || code === 'refused_by_source';
  return new ProblemError({ status: isPayloadWrong ? 422 : 409, code, detail });
}

function bytesOf(member: string, text: string, encoding: 'utf8' | 'base64'): Uint8Array {
  if (encoding === 'utf8') return Buffer.from(text);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text)
    throw new ProblemError({
      status: 422,
      code: 'validation_failed',
      detail: `${member}: not base64.`,
    });
  return bytes;
}
