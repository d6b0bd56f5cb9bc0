// POST /search: products by the words of a query, and the texts nearest in meaning to a query, a
// vector or other texts, each with its product and its matching events.

import { createRoute, type OpenAPIHono, type z } from '@hono/zod-openapi';
import type { ShownProduct } from '#core/analysis/attribution.ts';
import { recommend } from '#core/analysis/search-by-examples.ts';
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
import type { FusedHit } from '#core/vectors/lexical/hybrid-search.ts';
import type { WithBrands } from '#core/vectors/shop/brand-filter.ts';
import { asListed } from '#core/vectors/shop/catalogue-hits.ts';
import {
  attributePrefix,
  type FacetName,
  facetNames,
  type Facets,
  isFacetName,
} from '#core/vectors/shop/facets.ts';
import { createLookAhead } from '#core/vectors/shop/look-ahead.ts';
import type { PresentRules } from '#core/vectors/shop/present-rules.ts';
import { noRules, type RulesOfQuery } from '#core/vectors/shop/rules-by-query.ts';
import type { HitSource } from '../../telemetry/metrics/attribution-series.ts';
import type { AppEnv } from '../app-env.ts';
import type { Services } from '../services.ts';
import { hitOf } from './hits.ts';
import { mayRead, publicHitOf, publicTotalOf, refusePrivateSearch } from './public-answers.ts';
import { rankedSearch } from './ranked-search.ts';
import { answer, filterOf, invalidMember, problem, storedEvent } from './schemas.ts';
import { nextSearchCursor, parseSearchCursor } from './search-cursor.ts';
import { searchRequestSchema, searchResponseSchema } from './search-schemas.ts';
import { idsOf, textsNotFound } from './text-ids.ts';

/** Maximum number of event lists that one answer reads from the store at once. */
const listsAtOnce = 8;

const route = createRoute({
  method: 'post',
  path: '/search',
  summary: 'Search by meaning and by words',
  description:
    'A query of any length and language of the model is embedded by a runner, and compared with ' +
    'every distinct text. Each hit has its product and how many events it has that match the ' +
    'filter. Without a runner, searches for new queries by meaning answer 503; cached ones, and ' +
    'all others, work.',
  request: {
    body: { required: true, content: { 'application/json': { schema: searchRequestSchema } } },
  },
  responses: {
    200: answer('Distinct texts by score.', searchResponseSchema),
    404: problem('A text_id or unlike_text_id is not stored.'),
    422: problem('The request is JSON but not a search.'),
    503: problem('No runner could embed the query in time; `reason` says why.'),
  },
});

type Found = {
  readonly hits: readonly (SearchHit & { readonly matched?: FusedHit['matched'] })[];
  /** How many hits the pages before had. */
  readonly shownBefore: number;
  readonly nextCursor: string | null;
  readonly fallbackReason: string | null;
  readonly facets?: Facets;
};

export function searchRoute(
  app: OpenAPIHono<AppEnv>,
  services: Services,
  rules: PresentRules,
  withBrands: WithBrands,
): void {
  const { store, clock, telemetry } = services;
  const withRules = (
    query: string | undefined,
    answerBy: (found: RulesOfQuery) => Promise<Found>,
  ): Promise<Found> => (query === undefined ? answerBy(noRules) : rules.by(query, answerBy));

  app.openapi(route, async (c) => {
    const startedAt = clock.monotonic();
    let embeddedAt = startedAt;
    const request = c.req.valid('json');
    const { limit: _, events_limit: eventsLimit, cursor: _cursor, ...same } = request;
    const isReader = mayRead(c);
    if (!isReader) await refusePrivateSearch(store, { ...same, eventsLimit });
    const asOf = new Date(clock.now()).toISOString();
    const filter = filterOf(same.filter, services.eventTypes, 'filter.');
    const brands = brandsOf(request);
    const { hits, shownBefore, nextCursor, fallbackReason, facets } = await withRules(
      request.query,
      (rulesOfQuery) =>
        withBrands(filter, brands, (within) =>
          find(services, request, {
            same,
            isReader,
            filter: within,
            brands,
            rules: rulesOfQuery,
            signal: c.req.raw.signal,
            onEmbedded: () => (embeddedAt = clock.monotonic()),
          }),
        ),
    );
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
          ...(hit.matched !== undefined && { matched: [...hit.matched] }),
          ...(matching !== null && { matching: (matching[index] ?? []).map(storedEvent) }),
        })),
        next_cursor: nextCursor,
        ...(facets !== undefined && request.facets !== undefined && { facets }),
        ...(fallbackReason !== null && { fallback_reason: fallbackReason }),
        query_id: telemetry.attribution.searches.shown(hits.flatMap(shownProduct), shownBefore),
        took_ms: rounded(answeredAt - startedAt),
        as_of: asOf,
      },
      200,
    );
  });
}

function shownProduct({
  product,
  matched = ['meaning'],
}: Found['hits'][number]): readonly ShownProduct<HitSource>[] {
  return product === null ? [] : [{ productId: product.id, source: matched[0] ?? 'rule' }];
}

type Asked = z.output<typeof searchRequestSchema>;
const brandsOf = ({ filter: { brand } }: Pick<Asked, 'filter'>): readonly string[] | null =>
  brand === undefined ? null : [brand].flat();

type Asking = {
  /** What must stay the same from page to page. */
  readonly same: Omit<Asked, 'limit' | 'events_limit' | 'cursor'>;
  readonly isReader: boolean;
  /** Limited to the texts of `brands`. */
  readonly filter: EventFilter;
  readonly brands: readonly string[] | null;
  readonly rules: RulesOfQuery;
  readonly signal: AbortSignal;
  readonly onEmbedded: () => void;
};

async function find(services: Services, request: Asked, asking: Asking): Promise<Found> {
  const { query, mode = 'hybrid', limit, cursor } = request;
  if (query === undefined || mode === 'meaning') return nearest(services, request, asking);
  const { found, ...page } = await rankedSearch(
    services,
    {
      query,
      mode,
      filter: asking.filter,
      brands: asking.brands,
      cosineMin: request.score_threshold ?? null,
      inStock: request.in_stock,
      order: request.sort ?? 'relevance',
      popularityOf: asking.isReader ? ({ events }) => events.total : publicTotalOf,
      behaviourWeight: services.config.search.behaviourPercent / 100,
      facets: facetsAsked(services, request),
      rules: asking.rules,
      limit,
      cursor,
      request: asking.same,
    },
    asking,
  );
  return { hits: found.map(({ hit, matched }) => ({ ...hit, matched })), ...page };
}

/** @throws ProblemError (422) for a facet that does not exist */
function facetsAsked(
  { config: { search } }: Services,
  { facets = [] }: Pick<Asked, 'facets'>,
): readonly FacetName[] {
  const known = [...facetNames, ...search.facetAttributes.map((name) => attributePrefix + name)];
  const unknown = facets.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw invalidMember(
      'facets',
      `${unknown} is not a facet; they are ${known.join(', ')}. Attributes of products become ` +
        'facets by the setting search.facetAttributes',
    );
  return facets.filter(isFacetName);
}

/** Finds the texts nearest in meaning to the query, the vector or the texts. */
async function nearest(
  { queries, store, model }: Services,
  { limit, cursor, ...asked }: Asked,
  { same, isReader, filter, brands, rules, signal, onEmbedded }: Asking,
): Promise<Found> {
  const newestOf = async (textId: string): Promise<number | null> =>
    (await store.events({ ...filter, textIds: [textId] }, 1))[0]?.timestamp ?? null;
  const page =
    cursor === undefined ? null : await parseSearchCursor(cursor, same, isReader ? null : newestOf);
  const given =
    asked.vector === undefined ? null : vectorOf(asked.vector, model.manifest.dimensions);
  const vector =
    asked.query === undefined ? given : await queries.vector(normaliseText(asked.query), signal);
  onEmbedded();
  const request = {
    limit,
    filter,
    ...(asked.score_threshold !== undefined && { scoreMin: asked.score_threshold }),
    ...(page !== null && { after: page.after }),
  };
  const ahead = createLookAhead(store, limit, false);
  const hits =
    vector === null
      ? await moreLike(store, asked.text_id ?? [], asked.unlike_text_id ?? [], request)
      : await store.search({ ...request, vector }, ahead.onCandidates);
  const shownBefore = page?.shown ?? 0;
  const shown = { limit, shownBefore, withTime: isReader };
  const listed = await asListed(
    ahead.catalogue,
    hits.map((hit) => ({ hit })),
    { filter, brands, inStock: false, isByText: true },
  );
  return {
    hits: listed.map(({ hit }) => hit).filter(({ product }) => !rules.hide.has(product?.id ?? '')),
    shownBefore,
    nextCursor: nextSearchCursor(same, hits, shown),
    fallbackReason: null,
  };
}

const rounded = (ms: number): number => Math.round(ms * 100) / 100;

function vectorOf(numbers: readonly number[], dimensions: number): Float32Array {
  if (numbers.length !== dimensions)
    throw invalidMember(
      'vector',
      `has ${numbers.length} numbers, the model's vectors have ${dimensions}`,
    );
  const vector = unitOf(numbers);
  if (vector === null) throw invalidMember('vector', 'has no direction: all its numbers are 0');
  return vector;
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
