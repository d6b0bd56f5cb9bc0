// Reads the body of POST /events, passes its events to the intake, and answers a repeated
// Idempotency-Key from memory.

import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { splitArray, splitLines } from '#core/decode/split-records.ts';
import type { EventLimits } from '#core/event/parse-event.ts';
import type { RecordMapping } from '#core/mapping/record-mapping.ts';
import { eventLimitsOf } from '../../config/event-limits.ts';
import { ProblemError } from '../../http/problem-document.ts';
import { idempotencyDefaults, IdempotencyKeys } from '../../ingest/idempotency.ts';
import { Intake, intakeSchema, type IntakeResult, tooManyEvents } from '../../ingest/intake.ts';
import { linePortions } from '../../ingest/line-portions.ts';
import { BodyReader } from '../../ingest/read-body.ts';
import type { AppEnv } from '../app-env.ts';
import { problemOf } from '../middleware/problem-response.ts';
import type { Services } from '../services.ts';

/**
 * There is memory for this many bodies of the largest size: half of it for large bodies, half for
 * small ones.
 */
const largestBodiesAtOnce = 4;
/** The records that a mapping makes of a body may be this many times as large as a body may be. */
const mappedTimesMax = 4;
const portionBytes = 256 * 1024;
const portionQuietMs = 50;

type IngestServices = Pick<
  Services,
  'sink' | 'clock' | 'config' | 'versions' | 'timestamps' | 'erasures'
>;

export type BodyFormat = 'json' | 'lines';

export type IngestRequest = {
  readonly format: BodyFormat;
  /** Invalid events go to the dead-letter queue; otherwise they are rejected. */
  readonly toDeadLetters: boolean;
  /** The client's Idempotency-Key; `null` without one. */
  readonly key: string | null;
  /** The name of the API key, if it may only collect. */
  readonly collectedBy: string | null;
  /** The mapping that reads the events; `null` for VectorStream's event format. */
  readonly mapping: RecordMapping | null;
};

type IncomingBody = {
  readonly request: Request;
  readonly bodies: BodyReader;
  readonly intake: Intake;
  /** Gets every byte of the body. */
  readonly onBytes: (chunk: Uint8Array) => void;
};

/** The most bytes that a browser sends for a page that is being closed (`keepalive`). */
const collectedBytesMax = 64 * 1024;
const collectedAtOnce = 256;

export class IngestRequests {
  readonly #services: IngestServices;
  readonly #limits: EventLimits;
  readonly #bodies: BodyReader;
  /** Bodies that pages send: small, and with places of their own. */
  readonly #collected: BodyReader;
  readonly #keys = new IdempotencyKeys(idempotencyDefaults);

  constructor(services: IngestServices) {
    const { bodyBytesMax } = services.config.ingest;
    this.#services = services;
    this.#limits = eventLimitsOf(services.config);
    services.erasures.onErase(() => this.#keys.clear());
    this.#bodies = new BodyReader(
      {
        bytesMax: bodyBytesMax,
        bytesMaxTogether: largestBodiesAtOnce * bodyBytesMax,
        largeAtOnce: largestBodiesAtOnce / 2,
      },
      services.clock,
    );
    this.#collected = new BodyReader(
      {
        bytesMax: collectedBytesMax,
        bytesMaxTogether: collectedAtOnce * collectedBytesMax,
        largeAtOnce: 1,
      },
      services.clock,
    );
  }

  #reader({ collectedBy }: IngestRequest): BodyReader {
    return collectedBy === null ? this.#bodies : this.#collected;
  }

  /** @throws ProblemError for everything that the client can correct. */
  handle(c: Context<AppEnv>, request: IngestRequest): Promise<IntakeResult> {
    if (request.key === null) return this.#process(c, request, () => undefined);
    // Per client: another client may choose the same key. All visitors of a page share its API key.
    const { key: apiKey, address } = c.get('client');
    const client = request.collectedBy === null ? (apiKey ?? '') : `${apiKey} ${address}`;
    const key = createHash('sha256').update(`${client}\n${request.key}`).digest('base64');
    return this.#processOnce(c, request, key);
  }

  async #processOnce(
    c: Context<AppEnv>,
    request: IngestRequest,
    key: string,
  ): Promise<IntakeResult> {
    const { clock } = this.#services;
    const { format, toDeadLetters, mapping } = request;
    const hash = createHash('sha256').update(`${format} ${toDeadLetters} ${mapping?.name}\n`);
    const begun = this.#keys.begin(key, clock.monotonic());
    if (begun.state === 'busy')
      throw new ProblemError({
        status: 409,
        code: 'idempotency_key_busy',
        detail: 'The first request with this Idempotency-Key is still in progress; retry later.',
        retryAfter: 1,
      });
    if (begun.state === 'done') {
      for await (const chunk of this.#reader(request).chunks(c.req.raw)) hash.update(chunk);
      if (hash.digest('hex') !== begun.fingerprint)
        throw new ProblemError({
          status: 422,
          code: 'idempotency_key_reused',
          detail: 'This Idempotency-Key was used with another body: use a new key per request.',
        });
      c.header('Idempotency-Replayed', 'true');
      return intakeSchema.parse(JSON.parse(begun.answer));
    }
    try {
      const result = await this.#process(c, request, (chunk) => hash.update(chunk));
      this.#keys.finish(key, hash.digest('hex'), JSON.stringify(result), clock.monotonic());
      return result;
    } catch (error) {
      this.#keys.abandon(key);
      throw error;
    }
  }

  /** @param onBytes gets every byte of the body. */
  async #process(
    c: Context<AppEnv>,
    request: IngestRequest,
    onBytes: (chunk: Uint8Array) => void,
  ): Promise<IntakeResult> {
    const { sink, clock, versions, timestamps, config } = this.#services;
    const { bodyBytesMax, eventsPerRequestMax } = config.ingest;
    const { format, toDeadLetters, collectedBy, mapping } = request;
    const bodies = this.#reader(request);
    const intake = new Intake({
      sink,
      deadLetter: toDeadLetters,
      collectedBy,
      limits: this.#limits,
      mapping,
      eventsMax: eventsPerRequestMax,
      bytesMax: mappedTimesMax * bodyBytesMax,
      versions,
      timestamps,
      requestId: c.get('requestId'),
      now: clock.now(),
    });
    try {
      const body = { request: c.req.raw, bodies, intake, onBytes };
      if (format === 'json') await this.#takeJson(body);
      else await this.#takeLines(body);
    } catch (error) {
      const problem = problemOf(error);
      // An unexpected error is not shown to the client; it is logged.
      throw problem.status === 500 ? error : intake.interrupted(new ProblemError(problem));
    } finally {
      c.get('charge')(intake.size - 1);
    }
    const result = intake.result();
    const { accepted, rejected, dead_lettered } = result;
    Object.assign(c.get('audit'), { accepted, rejected, dead_lettered });
    c.get('log').debug({ accepted, rejected, dead_lettered }, 'events accepted');
    return result;
  }

  async #takeJson({ request, bodies, intake, onBytes }: IncomingBody): Promise<void> {
    const { eventsPerRequestMax } = this.#services.config.ingest;
    using body = await bodies.read(request);
    onBytes(body.bytes);
    if (body.bytes.length === 0) return;
    // One more than is allowed: a body of millions is refused without being split to its end.
    const values = splitArray(body.bytes, eventsPerRequestMax + 1) ?? [body.bytes];
    if (values.length > eventsPerRequestMax) throw tooManyEvents(eventsPerRequestMax);
    await intake.take(values);
  }

  async #takeLines({ request, bodies, intake, onBytes }: IncomingBody): Promise<void> {
    const { clock, config } = this.#services;
    const { eventsPerRequestMax } = config.ingest;
    using hold = bodies.hold(request);
    for await (const portion of linePortions(bodies.chunks(request), {
      bytes: portionBytes,
      quietMs: portionQuietMs,
      clock,
      hold,
    })) {
      onBytes(portion);
      const values = splitLines(portion, eventsPerRequestMax - intake.size + 1);
      if (intake.size + values.length > eventsPerRequestMax)
        throw tooManyEvents(eventsPerRequestMax);
      await intake.take(values);
    }
  }
}
