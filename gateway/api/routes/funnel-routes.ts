// GET /funnel: how many sessions get from a view to a cart to a purchase, what is left in carts,
// and which searches lead to nothing.

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { wilsonInterval } from '#core/analysis/wilson-interval.ts';
import { productOfPayload } from '#core/event/stored-product.ts';
import type { FunnelGroup, FunnelRequest, VectorStore } from '#core/ports.ts';
import { ProblemError } from '../../http/problem-document.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { SharedAnswers } from '../shared-answers.ts';
import { asOfSchema } from './hits.ts';
import { answer, instant, millisecondsOf } from './schemas.ts';

const answerBounds = { ageMsMax: 15_000, keptMax: 32, atOnceMax: 2 };
const eventsMax = 20_000;
const defaultRangeMs = 24 * 3_600_000;
/** After half an hour without an event, a session is over. */
const idleMs = 30 * 60_000;

const rateSchema = z
  .object({
    rate: z.number(),
    interval_95: z.tuple([z.number(), z.number()]).openapi({
      description: "Wilson's score interval.",
    }),
  })
  .nullable()
  .openapi('FunnelRate', { description: 'null when there is nothing to divide by.' });

const sessionsOf = (description: string) => z.int().openapi({ description });

const countsSchema = z
  .object({
    searched: sessionsOf('Sessions with a search; 0 by product and by category.'),
    searches_left: sessionsOf('Sessions that touched nothing after their last search.'),
    viewed: sessionsOf('Sessions with a view.'),
    carted: sessionsOf('Those that then put something into the cart.'),
    purchased: sessionsOf('Those that then bought something.'),
    carts_left: sessionsOf('Sessions that neither bought nor removed all that was in the cart.'),
    searches_left_rate: rateSchema,
    cart_rate: rateSchema,
    purchase_rate: rateSchema,
    conversion_rate: rateSchema,
  })
  .openapi('FunnelCounts');

const exampleCounts = {
  searched: 0,
  searches_left: 0,
  viewed: 400,
  carted: 60,
  purchased: 24,
  carts_left: 31,
  searches_left_rate: null,
  cart_rate: { rate: 0.15, interval_95: [0.118, 0.188] as [number, number] },
  purchase_rate: { rate: 0.4, interval_95: [0.286, 0.526] as [number, number] },
  conversion_rate: { rate: 0.06, interval_95: [0.041, 0.088] as [number, number] },
};

const groupings = ['all', 'product', 'category', 'query'] as const;

const responseSchema = z
  .object({
    by: z.enum(groupings),
    since: z.iso.datetime(),
    until: z.iso.datetime(),
    events: z.int().openapi({ description: 'How many events were read.' }),
    sessions: z.int(),
    is_complete: z.boolean().openapi({
      description:
        `Only the newest ${eventsMax} events of the range are read. false: there may be older ` +
        'ones, which are left out; since is then the time of the oldest event read.',
    }),
    total: countsSchema,
    groups: z
      .array(
        countsSchema.extend({
          key: z.string().openapi({
            description: 'The id of a product, a category, or the text id of a query.',
          }),
          name: z.string().nullable().openapi({
            description: 'The name of the product, the category, or the words of the query.',
          }),
        }),
      )
      .openapi({ description: 'Most viewed first, or most searched. Empty without by.' }),
    as_of: asOfSchema,
  })
  .openapi('Funnel', {
    example: {
      by: 'product',
      since: '2026-01-30T12:00:00.000Z',
      until: '2026-01-31T12:00:00.000Z',
      events: 9_120,
      sessions: 1_204,
      is_complete: true,
      total: exampleCounts,
      groups: [{ ...exampleCounts, key: 'p-77', name: 'Steel kettle' }],
      as_of: '2026-01-31T12:00:00.000Z',
    },
  });

const querySchema = z.strictObject({
  by: z.enum(groupings).default('all').openapi({
    description: 'query: what a session touches belongs to its last search before.',
  }),
  since: instant.optional().openapi({ description: 'A day before until if it is absent.' }),
  until: instant.optional().openapi({ description: 'Now if it is absent.' }),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});
export type FunnelQuery = Partial<z.output<typeof querySchema>>;
export type FunnelAnswer = z.output<typeof responseSchema>;

const route = createRoute({
  method: 'get',
  path: '/funnel',
  summary: 'From a view to a cart to a purchase',
  description:
    'Counts sessions, by event time. A session takes a step after the one before. One with an ' +
    'event in the half hour before until may still go on: it has left nothing behind yet. See ' +
    'docs/analysis.md.',
  request: { query: querySchema },
  responses: { 200: answer('Counts, and rates with their intervals.', responseSchema) },
});

export function funnelRoute(
  app: OpenAPIHono<AppEnv>,
  { store, clock, eventTypes }: Services,
): void {
  const answers = new SharedAnswers<FunnelAnswer>({ clock, ...answerBounds });
  app.openapi(route, async (c) => {
    const query = c.req.valid('query');
    return c.json(
      await answers.get(JSON.stringify(query), () => read({ store, clock, eventTypes }, query)),
      200,
    );
  });
}

async function read(
  { store, clock, eventTypes: { places } }: Pick<Services, 'store' | 'clock' | 'eventTypes'>,
  { by, since: from, until: to, limit }: z.output<typeof querySchema>,
): Promise<FunnelAnswer> {
  const now = clock.now();
  const until = millisecondsOf(to) ?? now;
  const since = millisecondsOf(from) ?? until - defaultRangeMs;
  if (since > until)
    throw new ProblemError({
      status: 422,
      code: 'validation_failed',
      detail: 'since: must not be after until',
    });
  const found = await store.funnel({
    places,
    by: by === 'all' ? 'product' : by,
    since,
    until,
    idleSince: Math.min(until, now) - idleMs,
    eventsMax,
    limit,
  });
  const isComplete = found.events < eventsMax;
  const groups = by === 'all' ? [] : found.groups;
  const names = by === 'all' ? new Map<string, string>() : await namesOf(store, by, groups);
  return {
    by,
    since: new Date(isComplete ? since : (found.oldestAt ?? since)).toISOString(),
    until: new Date(until).toISOString(),
    events: found.events,
    sessions: found.sessions,
    is_complete: isComplete,
    total: countsOf(found.total),
    groups: groups.map((group) => ({
      key: group.key,
      name: names.get(group.key) ?? null,
      ...countsOf(group),
    })),
    as_of: new Date(now).toISOString(),
  };
}

async function namesOf(
  store: VectorStore,
  by: FunnelRequest['by'],
  groups: readonly FunnelGroup[],
): Promise<ReadonlyMap<string, string>> {
  const keys = groups.map(({ key }) => key);
  if (by === 'category') return new Map(keys.map((key) => [key, key]));
  if (by === 'query') {
    const texts = await store.texts(keys);
    return new Map([...texts].map(([id, { text }]) => [id, text]));
  }
  const newest = await store.newestOfProducts(keys);
  return new Map(
    [...newest].flatMap(([id, { payload }]): [string, string][] => {
      const product = productOfPayload(payload);
      return product === null ? [] : [[id, product.name]];
    }),
  );
}

const countsOf = (group: FunnelGroup): z.output<typeof countsSchema> => ({
  searched: group.searched,
  searches_left: group.untouched,
  viewed: group.viewed,
  carted: group.carted,
  purchased: group.purchased,
  carts_left: group.cartsLeft,
  searches_left_rate: rateOf(group.untouched, group.searched),
  cart_rate: rateOf(group.carted, group.viewed),
  purchase_rate: rateOf(group.purchased, group.carted),
  conversion_rate: rateOf(group.purchased, group.viewed),
});

function rateOf(successes: number, trials: number): z.output<typeof rateSchema> {
  if (trials === 0) return null;
  const [low, high] = wilsonInterval(successes, trials);
  return { rate: successes / trials, interval_95: [low, high] };
}
