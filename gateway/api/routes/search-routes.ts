// POST /search: the texts nearest in meaning to a query, a vector or other texts, each with its
// product and its matching events.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { recommend } from '#core/analysis/recommend.ts';
import { unitOf } from '#core/analysis/taste.ts';
import { partsOf } from '#core/collections/parts-of.ts';
import { normaliseText } from '#core/event/text.ts';
import type {
  EventFilter,
  SearchHit,
  SearchRequest as StoreRequest,
  StoredEvent,
  VectorStore,
} from '#core/ports.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { asOfSchema, exampleHit, hitOf, hitSchema } from './hits.ts';
import { mayRead, publicHitOf, refusePrivateSearch } from './public-answers.ts';
import {
  answer,
  filterOf,
  filterSchema,
  oneOrMore,
  problem,
  storedEvent,
  storedEventSchema,
} from './schemas.ts';
import { nextSearchCursor, parseSearchCursor } from './search-cursor.ts';
import { idsOf, textsNotFound } from './text-ids.ts';

/** No model has more dimensions. */
const dimensionsMax = 16_384;
/** Maximum number of event lists that one answer reads from the store at once. */
const listsAtOnce = 8;

const textIds = () => oneOrMore(z.uuid(), 'ids of texts, as text_id of a hit');

/** What to search by: exactly one of these. */
const searchedBy = ['query', 'vector', 'text_id'] as const;

const requestSchema = z
  .strictObject({
    query: z
      .string()
      .max(2000)
      .refine((query) => normaliseText(query) !== '', 'is empty: say what to look for')
      .optional()
      .openapi({ description: 'A text, which the fleet embeds.' }),
    vector: z
      .array(z.number())
      .min(1)
      .max(dimensionsMax)
      .optional()
      .openapi({
        description:
          "A vector of the model's dimensions, such as POST /v1/embeddings returns. " +
          'It is scaled to length 1.',
      }),
    text_id: textIds()
      .optional()
      .openapi({ description: 'Texts to find similar ones to; they are not among the hits.' }),
    unlike_text_id: textIds()
      .optional()
      .openapi({ description: 'Only with text_id: texts that the hits should not resemble.' }),
    limit: z.int().min(1).max(100).default(10),
    filter: filterSchema.default({}),
    score_threshold: z
      .number()
      .min(-1)
      .max(1)
      .optional()
      .openapi({ description: 'No hit scores less.' }),
    events_limit: z
      .int()
      .min(0)
      .max(10)
      .default(0)
      .openapi({
        description:
          'How many of the newest matching events come with each hit; ' +
          'GET /events?text_id=… returns all of them.',
      }),
    cursor: z
      .string()
      .max(512)
      .optional()
      .openapi({
        description:
          'next_cursor of the previous page. Only limit and events_limit may differ from the ' +
          'request ' +
          'for that page.',
      }),
  })
  .refine(
    (request) => searchedBy.filter((name) => request[name] !== undefined).length === 1,
    'give exactly one of query, vector and text_id',
  )
  .refine(
    ({ text_id, unlike_text_id }) => unlike_text_id === undefined || text_id !== undefined,
    'unlike_text_id needs text_id',
  )
  // The first of these rules, in JSON Schema.
  .openapi('SearchRequest', {
    oneOf: searchedBy.map((name) => ({
      type: 'object' as const,
      properties: { [name]: {} },
      required: [name],
    })),
    example: {
      query: 'warm winter jacket',
      limit: 5,
      filter: { event_type: ['view', 'purchase'], price_max: 120 },
    },
  });

const responseSchema = z
  .object({
    hits: z
      .array(
        hitSchema.extend({
          matching: z
            .array(storedEventSchema)
            .optional()
            .openapi({ description: 'Only with events_limit; newest first.' }),
        }),
      )
      .openapi({ description: 'By score, then newest event, then id.' }),
    next_cursor: z
      .string()
      .nullable()
      .openapi({ description: 'null after the last hit, and after 10,000 hits.' }),
    took_ms: z.number(),
    as_of: asOfSchema,
  })
  .openapi('SearchResponse', {
    example: {
      hits: [exampleHit],
      next_cursor: null,
      took_ms: 12.4,
      as_of: '2026-01-31T12:00:01.000Z',
    },
  });

export type SearchRequest = z.input<typeof requestSchema>;
export type SearchResponse = z.output<typeof responseSchema>;

const route = createRoute({
  method: 'post',
  path: '/search',
  summary: 'Search by meaning',
  description:
    'A query of any length and language of the model is embedded by a runner, and compared with ' +
    'every distinct text. Each hit has its product and how many events it has that match the ' +
    'filter. Without a runner, searches for new queries answer 503; cached ones work.',
  request: { body: { required: true, content: { 'application/json': { schema: requestSchema } } } },
  responses: {
    200: answer('Distinct texts by score.', responseSchema),
    404: problem('A text_id or unlike_text_id is not stored.'),
    422: problem('The request is JSON but not a search.'),
    503: problem('No runner could embed the query in time; `reason` says why.'),
  },
});

export function searchRoute(
  app: OpenAPIHono<AppEnv>,
  { queries, store, clock, model, telemetry }: Services,
): void {
  const { dimensions } = model.manifest;

  app.openapi(route, async (c) => {
    const startedAt = clock.monotonic();
    const { limit, events_limit: eventsLimit, cursor, ...same } = c.req.valid('json');
    const isReader = mayRead(c);
    if (!isReader) await refusePrivateSearch(store, { ...same, eventsLimit });
    const filter = filterOf(same.filter);
    const newestOf = async (textId: string): Promise<number | null> =>
      (await store.events({ ...filter, textIds: [textId] }, 1))[0]?.timestamp ?? null;
    const page =
      cursor === undefined
        ? null
        : await parseSearchCursor(cursor, same, isReader ? null : newestOf);
    const given = same.vector === undefined ? null : vectorOf(same.vector, dimensions);
    const vector =
      same.query === undefined
        ? given
        : await queries.vector(normaliseText(same.query), c.req.raw.signal);
    const asOf = new Date(clock.now()).toISOString();
    const embeddedAt = clock.monotonic();
    const request = {
      limit,
      filter,
      ...(same.score_threshold !== undefined && { scoreMin: same.score_threshold }),
      ...(page !== null && { after: page.after }),
    };
    const hits =
      vector === null
        ? await moreLike(store, same.text_id ?? [], same.unlike_text_id ?? [], request)
        : await store.search({ ...request, vector });
    const matching = eventsLimit === 0 ? null : await eventsOf(store, filter, hits, eventsLimit);
    const answeredAt = clock.monotonic();
    telemetry.requests.searched(
      (embeddedAt - startedAt) / 1000,
      (answeredAt - embeddedAt) / 1000,
      hits.length,
    );
    // Browsers and load tools show which part took how long.
    c.header(
      'server-timing',
      `embed;dur=${rounded(embeddedAt - startedAt)}, store;dur=${rounded(answeredAt - embeddedAt)}`,
    );
    return c.json(
      {
        hits: hits.map((hit, index) => ({
          ...(isReader ? hitOf(hit) : publicHitOf(hit)),
          ...(matching !== null && { matching: (matching[index] ?? []).map(storedEvent) }),
        })),
        next_cursor: nextSearchCursor(same, hits, {
          limit,
          shownBefore: page?.shown ?? 0,
          withTime: isReader,
        }),
        took_ms: rounded(answeredAt - startedAt),
        as_of: asOf,
      },
      200,
    );
  });
}

const rounded = (ms: number): number => Math.round(ms * 100) / 100;

function vectorOf(numbers: readonly number[], dimensions: number): Float32Array {
  if (numbers.length !== dimensions)
    throw badVector(`has ${numbers.length} numbers, the model's vectors have ${dimensions}`);
  const vector = unitOf(numbers);
  if (vector === null) throw badVector('has no direction: all its numbers are 0');
  return vector;
}

function badVector(message: string): ProblemError {
  return new ProblemError({
    status: 422,
    code: 'validation_failed',
    detail: `vector: ${message}`,
    more: { errors: [{ path: 'vector', message }] },
  });
}

async function moreLike(
  store: VectorStore,
  like: string | readonly string[],
  unlike: string | readonly string[],
  request: Omit<StoreRequest, 'vector'>,
): Promise<readonly SearchHit[]> {
  const { hits, unknown } = await recommend(store, {
    ...request,
    liked: idsOf(like),
    disliked: idsOf(unlike),
  });
  if (unknown.length === 0) return hits;
  throw textsNotFound(unknown);
}

/** The newest matching events of each hit, in the order of the hits. */
async function eventsOf(
  store: VectorStore,
  filter: EventFilter,
  hits: readonly SearchHit[],
  limit: number,
): Promise<readonly (readonly StoredEvent[])[]> {
  const lists: (readonly StoredEvent[])[] = [];
  for (const part of partsOf(hits, listsAtOnce)) {
    lists.push(
      ...(await Promise.all(
        part.map(({ textId }) => store.events({ ...filter, textIds: [textId] }, limit)),
      )),
    );
  }
  return lists;
}
