// The calls for search by meaning, for analysis of behaviour, and for embedding texts.

import type {
  EmbeddingsRequest,
  EmbeddingsResponse,
  ModelView,
} from '../gateway/api/routes/embeddings-schemas.ts';
import type { FunnelAnswer, FunnelQuery } from '../gateway/api/routes/funnel-routes.ts';
import type {
  RecommendationQuery,
  Recommendations,
} from '../gateway/api/routes/recommendation-routes.ts';
import type {
  RecommendationRequest,
  VisitorRecommendations,
} from '../gateway/api/routes/recommendation-schemas.ts';
import type { RelatedProducts, RelatedQuery } from '../gateway/api/routes/related-routes.ts';
import type {
  SearchRequest,
  SearchResponse as SearchResult,
} from '../gateway/api/routes/search-schemas.ts';
import type { SimilarProducts, SimilarQuery } from '../gateway/api/routes/similar-routes.ts';
import type { TrendQuery, Trends } from '../gateway/api/routes/trend-routes.ts';
import type { CallOptions, Transport } from './transport.ts';
import { vectorOf } from './vector-of.ts';

export type { SearchResult };

/** `vectors` has one vector per input, in order, with the model's dimensions. */
export type Embedded = {
  readonly model: string;
  readonly vectors: readonly Float32Array[];
  readonly tokens: number | null;
};

export function searchCalls(transport: Transport) {
  return {
    /** One page of hits. Call again with `cursor: next_cursor` for the next page. */
    search: (request: SearchRequest, options?: CallOptions): Promise<SearchResult> =>
      transport.json({ method: 'POST', path: '/search', json: request, repeat: 'always' }, options),

    /**
     * Products whose text is close to this one's.
     *
     * @throws VectorStreamApiError `product_not_found` when no event about the product is stored
     */
    similar: (
      productId: string,
      query: SimilarQuery = {},
      options?: CallOptions,
    ): Promise<SimilarProducts> =>
      transport.json(
        { method: 'GET', path: `/products/${encodeURIComponent(productId)}/similar`, query },
        options,
      ),

    /**
     * Products for a user, each with the events that led to it; popular ones, with a reason, when
     * nothing is known of the user.
     */
    recommendations: (
      userId: string,
      query: RecommendationQuery = {},
      options?: CallOptions,
    ): Promise<Recommendations> =>
      transport.json(
        { method: 'GET', path: `/users/${encodeURIComponent(userId)}/recommendations`, query },
        options,
      ),

    /** Products for an open basket, a session or a user: exactly one of them. */
    recommend: (
      request: RecommendationRequest,
      options?: CallOptions,
    ): Promise<VisitorRecommendations> =>
      transport.json(
        { method: 'POST', path: '/recommendations', json: request, repeat: 'always' },
        options,
      ),

    /** Products that sessions connect with this one. */
    related: (
      productId: string,
      query: RelatedQuery = {},
      options?: CallOptions,
    ): Promise<RelatedProducts> =>
      transport.json(
        { method: 'GET', path: `/products/${encodeURIComponent(productId)}/related`, query },
        options,
      ),

    /** Products that rise against their own baseline, and searches that find nothing. */
    trends: (query: TrendQuery = {}, options?: CallOptions): Promise<Trends> =>
      transport.json({ method: 'GET', path: '/trends', query }, options),

    /** How many sessions get from a view to a cart to a purchase. */
    funnel: (query: FunnelQuery = {}, options?: CallOptions): Promise<FunnelAnswer> =>
      transport.json({ method: 'GET', path: '/funnel', query }, options),

    /** Vectors of texts. Without `model`, the model that the gateway serves. */
    async embeddings(
      input: string | string[],
      {
        model,
        truncate,
        signal,
      }: CallOptions & Pick<EmbeddingsRequest, 'truncate'> & { readonly model?: string } = {},
    ): Promise<Embedded> {
      const json: EmbeddingsRequest = {
        model: model ?? (await models(transport, { signal }))[0]?.id ?? '',
        input,
        encoding_format: 'base64',
        ...(truncate !== undefined && { truncate }),
      };
      const answer: EmbeddingsResponse = await transport.json(
        { method: 'POST', path: '/v1/embeddings', json, repeat: 'always' },
        { signal },
      );
      return {
        model: answer.model,
        vectors: answer.data.map(({ embedding }) =>
          typeof embedding === 'string' ? vectorOf(embedding) : Float32Array.from(embedding),
        ),
        tokens: answer.usage.total_tokens,
      };
    },

    models: (options?: CallOptions): Promise<readonly ModelView[]> => models(transport, options),
  };
}

const models = async (transport: Transport, options?: CallOptions): Promise<readonly ModelView[]> =>
  (
    await transport.json<{ readonly data: readonly ModelView[] }>(
      { method: 'GET', path: '/v1/models' },
      options,
    )
  ).data;
