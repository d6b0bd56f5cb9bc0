// What may be done with dead letters: put them back into the source, purge them, add one by hand.
// Each is written down with who did it.

import type { OpenAPIHono, z } from '@hono/zod-openapi';
import { eventLimits } from '#core/event/parse-event.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { LogRecord } from '#core/ports.ts';
import type { Client } from '../../access/access.ts';
import { countDeadLetters, createPurger } from '../../dead-letters/purge.ts';
import type { Refusal } from '../../dead-letters/replay-plan.ts';
import { batchMsMax, createReplayer } from '../../dead-letters/replay.ts';
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
import { deadLetterFilterOf, deadLetterView } from './dead-letter-view.ts';
import { cursorOf, parseCursor } from './schemas.ts';

export function deadLetterActionRoutes(
  app: OpenAPIHono<AppEnv>,
  { deadLetters, sink, clock, config, telemetry, log }: Services,
): void {
  /** At once, portion by portion: the line of the audit trail is written when the call has ended. */
  const tell =
    (action: 'replayed' | 'purged' | 'added') =>
    (ids: readonly string[], by: string): void => {
      telemetry.deadLetterAction(action, ids.length);
      log.info(
        { action: `dead_letters_${action}`, by, count: ids.length, dead_letter_ids: ids },
        `dead letters ${action}`,
      );
    };
  const replayer = createReplayer({
    deadLetters,
    sink,
    clock,
    rules: {
      redrivesMax: config.ingest.redrivesMax,
      event: { ...eventLimits, bytesMax: config.ingest.eventBytesMax },
    },
    observer: {
      replayed: tell('replayed'),
      refused: (count) => telemetry.deadLetterAction('refused', count),
    },
  });
  const purger = createPurger(deadLetters, clock, tell('purged'));

  // A corrected event of the largest size, in which every second character is escaped.
  app.use('/dlq/*', bodyLimit(2 * config.ingest.eventBytesMax + 64 * 1024));

  // Before the path with an id, which would take `batch` for one.
  app.openapi(batchRoute, async (c) => {
    const { filter, dry_run, limit, rate, force, cursor } = c.req.valid('json');
    const page = parseCursor(cursor);
    const asked = {
      state: 'open' as const,
      ...deadLetterFilterOf(filter),
      ...(page !== null && { after: { failedAt: page.at, id: page.id } }),
    };
    const matching = dry_run ? (await countDeadLetters(deadLetters, asked, 0)).count : null;
    const { outcomes, next, trouble } = await replayer.batch(asked, {
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
        : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
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
    tell('added')([id], nameOf(c.get('client')));
    Object.assign(c.get('audit'), { dead_letter_id: id });
    const letter = await deadLetters.get(id);
    if (letter === null) throw unknownDeadLetter();
    return c.json(deadLetterView(letter, Number.POSITIVE_INFINITY), 201);
  });

  app.openapi(purgeOneRoute, async (c) => {
    if (!(await purger.one(c.req.valid('param').id, nameOf(c.get('client')))))
      throw unknownDeadLetter();
    return c.body(null, 204);
  });

  app.openapi(purgeRoute, async (c) => {
    const { filter, confirm } = c.req.valid('json');
    const given = deadLetterFilterOf(filter);
    // Letters that come meanwhile were not counted, and are not purged.
    const asked = {
      state: 'open' as const,
      ...given,
      until: Math.min(given.until ?? Number.POSITIVE_INFINITY, clock.now()),
    };
    const { count: matching, ids } = await countDeadLetters(deadLetters, asked, idsMax);
    if (confirm === undefined) return c.json({ matching, purged: 0, ids: [...ids] }, 200);
    if (confirm !== matching) {
      throw new ProblemError({
        status: 409,
        code: 'confirmation_differs',
        detail: `${confirm} was confirmed, and the filter finds ${matching} letters: look again, then confirm that number.`,
        more: { matching },
      });
    }
    const purged = await purger.all(
      asked,
      nameOf(c.get('client')),
      AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(batchMsMax)]),
    );
    Object.assign(c.get('audit'), { filter: withoutText(filter), purged });
    return c.json({ matching, purged, ids: [...ids] }, 200);
  });
}

/** Who is written down: `key ops from 10.1.2.3`, or `anybody from 127.0.0.1` where no key is needed. */
const nameOf = ({ key, address }: Client): string =>
  `${key === null ? 'anybody' : `key ${key}`}${address === '' ? '' : ` from ${address}`}`;

/** What is searched for may be somebody's data. */
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
  const isPayloads =
    code === 'still_invalid' || code === 'value_cut' || code === 'refused_by_source';
  return new ProblemError({ status: isPayloads ? 422 : 409, code, detail });
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
