// One collection of the double: its points, its indexes, and the requests to them.

import {
  type Fields,
  fieldsOf,
  isList,
  type Json,
  limitOf,
  listOf,
  pointId,
  stringOf,
  vectorNumbers,
} from './body.ts';
import { filterOf, timeOf, valueAt, valuesAsked } from './filter.ts';
import { formatError, Refusal, wrongInput } from './qdrant-errors.ts';
import { type Sparse, sparseOf, sparseScores } from './sparse.ts';
import { dot, mean, normalised } from './vectors.ts';

type Vectors = { readonly vector: Float32Array | null; readonly sparse: Sparse | null };
type Point = Vectors & { readonly id: string; payload: Fields; version: number };
type Scored = { readonly point: Point; readonly score: number };

const noVector = (): Refusal => wrongInput('Not existing vector name error: ');

export class Collection {
  readonly #config: Fields;
  readonly #dimensions: number | null;
  /** The name of the only sparse vector, whose modifier is `idf`; `null` without one. */
  readonly #sparseName: string | null;
  readonly #points = new Map<string, Point>();
  readonly #indexes = new Map<string, string>();
  /** The number of the last operation, which is also the version of the points that it changed. */
  #operation = 0;
  /** The points by the values of indexed fields, as they were after this operation. */
  readonly #groups = new Map<string, ReadonlyMap<Json | undefined, readonly Point[]>>();
  #groupedAt = 0;

  constructor(config: Fields) {
    const vectors = fieldsOf(config['vectors'], ['size', 'distance', 'on_disk'], 'VectorParams');
    const size = vectors['size'];
    if (
      Object.keys(vectors).length > 0 &&
      !(typeof size === 'number' && vectors['distance'] === 'Cosine')
    )
      throw formatError('data did not match any variant of untagged enum VectorsConfig');
    this.#config = config;
    this.#dimensions = typeof size === 'number' ? size : null;
    const sparse = Object.keys(config['sparse_vectors'] ?? {});
    this.#sparseName = sparse[0] ?? null;
  }

  info(): Json {
    const {
      vectors = {},
      sparse_vectors,
      metadata,
      quantization_config,
      shard_number,
      replication_factor,
    } = this.#config;
    return {
      status: 'green',
      optimizer_status: 'ok',
      indexed_vectors_count: 0,
      points_count: this.#points.size,
      segments_count: 2,
      config: {
        params: {
          vectors,
          shard_number: shard_number ?? 1,
          replication_factor: replication_factor ?? 1,
          write_consistency_factor: 1,
          on_disk_payload: true,
          ...(sparse_vectors === undefined ? {} : { sparse_vectors }),
        },
        hnsw_config: {
          m: 16,
          ef_construct: 100,
          full_scan_threshold: 10000,
          max_indexing_threads: 0,
          on_disk: false,
        },
        optimizer_config: {
          deleted_threshold: 0.2,
          vacuum_min_vector_number: 1000,
          default_segment_number: 0,
          max_segment_size: null,
          memmap_threshold: null,
          indexing_threshold: 10000,
          flush_interval_sec: 5,
          max_optimization_threads: null,
          prevent_unoptimized: null,
        },
        wal_config: { wal_capacity_mb: 32, wal_segments_ahead: 0, wal_retain_closed: 1 },
        quantization_config: quantization_config ?? null,
        ...(metadata === undefined ? {} : { metadata }),
      },
      payload_schema: Object.fromEntries(
        [...this.#indexes].map(([field, type]) => [
          field,
          {
            data_type: type,
            points: [...this.#points.values()].filter(
              ({ payload }) => valueAt(payload, field) !== undefined,
            ).length,
          },
        ]),
      ),
      update_queue: { length: 0 },
    };
  }

  /** Creating an index counts as two operations. */
  index(body: Json): number {
    const { field_name, field_schema } = fieldsOf(
      body,
      ['field_name', 'field_schema'],
      'CreateFieldIndex',
    );
    // A full-text index comes with its parameters.
    const params = typeof field_schema === 'object' && !isList(field_schema) ? field_schema : null;
    const type = stringOf(params === null ? field_schema : params['type'], 'field_schema');
    if (!['keyword', 'integer', 'float', 'datetime', 'bool', 'uuid', 'text', 'geo'].includes(type))
      throw formatError('data did not match any variant of untagged enum PayloadFieldSchema');
    this.#indexes.set(stringOf(field_name, 'field_name'), type);
    this.#operation += 2;
    return this.#operation;
  }

  /** Writes all points, or none if one is refused. `update_filter` is for existing points. */
  upsert(body: Json): number {
    const { points, update_filter } = fieldsOf(body, ['points', 'update_filter'], 'PointsList');
    const mayUpdate = filterOf(update_filter, 'update_filter');
    const writes = listOf(points, 'points')
      .map((json) => {
        const { id, vector, payload } = fieldsOf(json, ['id', 'vector', 'payload'], 'PointStruct');
        const key = pointId(id);
        if (vector === undefined) throw formatError('missing field `vector`');
        return {
          id: key,
          vector,
          payload:
            payload === undefined || payload === null
              ? {}
              : { ...fieldsOf(payload, Object.keys(payload), 'Payload') },
        };
      })
      .map(({ id, vector, payload }, at) => ({ id, ...this.#vectorsOf(vector, at), payload }));
    this.#operation += 1;
    // Of several points with one id the last counts. The filter applies to the points as they were
    // before the request.
    for (const { id, ...rest } of new Map(writes.map((write) => [write.id, write])).values()) {
      const old = this.#points.get(id);
      if (old === undefined || mayUpdate(old))
        this.#points.set(id, { id, ...rest, version: this.#operation });
    }
    return this.#operation;
  }

  setPayload(body: Json): number {
    const { payload, points, filter } = fieldsOf(
      body,
      ['payload', 'points', 'filter'],
      'SetPayload',
    );
    if (payload === undefined) throw formatError('missing field `payload`');
    const changes = fieldsOf(payload, Object.keys(payload ?? {}), 'Payload');
    const chosen = this.#chosen(points, filter);
    this.#operation += 1;
    for (const point of chosen) {
      point.payload = { ...point.payload, ...changes };
      point.version = this.#operation;
    }
    return this.#operation;
  }

  delete(body: Json): number {
    const { points, filter } = fieldsOf(body, ['points', 'filter'], 'PointsSelector');
    const chosen = this.#chosen(points, filter);
    this.#operation += 1;
    for (const { id } of chosen) this.#points.delete(id);
    return this.#operation;
  }

  retrieve(body: Json): Json {
    const { ids, with_payload, with_vector } = fieldsOf(
      body,
      ['ids', 'with_payload', 'with_vector'],
      'PointRequest',
    );
    const asked = [...new Set(listOf(ids, 'ids').map(pointId))];
    return asked
      .flatMap((id) => this.#points.get(id) ?? [])
      .map((point) => shown(point, with_payload ?? true, with_vector));
  }

  count(body: Json): Json {
    const { filter } = fieldsOf(body, ['filter', 'exact'], 'CountRequest');
    return { count: this.#matching(filter, 'filter').length };
  }

  facet(body: Json): Json {
    const { key, filter, limit } = fieldsOf(
      body,
      ['key', 'filter', 'limit', 'exact'],
      'FacetRequest',
    );
    const field = stringOf(key, 'key');
    if (!['keyword', 'integer', 'uuid', 'bool'].includes(this.#indexes.get(field) ?? '')) {
      throw new Refusal(
        400,
        `Bad request: Index required but not found for "${field}" ` +
          'of one of the following types: [keyword, integer, uuid, bool]',
      );
    }
    const counts = new Map<string, number>();
    for (const { payload } of this.#matching(filter, 'filter')) {
      const value = valueAt(payload, field);
      if (typeof value === 'string') counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const hits = [...counts]
      .map(([value, count]) => ({ value, count }))
      .toSorted((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
    return { hits: hits.slice(0, limitOf(limit, 10, 'limit')) };
  }

  /**
   * By id with an offset, or by an indexed field without an offset. In the second case points with
   * the same value are not ordered by id.
   */
  scroll(body: Json): Json {
    const { filter, limit, offset, with_payload, with_vector, order_by } = fieldsOf(
      body,
      ['filter', 'limit', 'offset', 'with_payload', 'with_vector', 'order_by'],
      'ScrollRequest',
    );
    const count = limitOf(limit, 10, 'limit');
    const points = this.#matching(filter, 'filter');
    if (order_by !== undefined && order_by !== null)
      return {
        points: this.#ordered(order_by, points)
          .slice(0, count)
          .map(({ point, at }) => ({
            ...shown(point, with_payload ?? true, with_vector),
            order_value: at * 1000,
          })),
        next_page_offset: null,
      };
    const from = offset === undefined || offset === null ? '' : pointId(offset);
    const sorted = points.filter(({ id }) => id >= from).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    return {
      points: sorted
        .slice(0, count)
        .map((point) => shown(point, with_payload ?? true, with_vector)),
      next_page_offset: sorted[count]?.id ?? null,
    };
  }

  /** Points with the same value are not ordered by id. */
  #ordered(
    orderBy: Json,
    points: readonly Point[],
  ): readonly { readonly point: Point; readonly at: number }[] {
    const { key, direction } = fieldsOf(orderBy, ['key', 'direction', 'start_from'], 'OrderBy');
    const field = stringOf(key, 'key');
    if (this.#indexes.get(field) !== 'datetime')
      throw new Refusal(
        400,
        `Bad request: No range index for \`order_by\` key: \`${field}\`. ` +
          'Please create one to use `order_by`.',
      );
    const sign = direction === 'desc' ? -1 : 1;
    return points
      .flatMap((point) => {
        const at = timeOf(valueAt(point.payload, field));
        return at === null ? [] : [{ point, at }];
      })
      .toSorted((a, b) => sign * (a.at - b.at) || a.point.version - b.point.version);
  }

  query(body: Json): Json {
    const { query, filter, with_payload, limit, using } = fieldsOf(
      body,
      ['query', 'limit', 'filter', 'with_payload', 'with_vector', 'params', 'using'],
      'QueryRequest',
    );
    const count = limitOf(limit, 10, 'internal.limit');
    if (typeof query === 'object' && query !== null && 'order_by' in query) {
      const { order_by } = fieldsOf(query, ['order_by'], 'Query');
      return {
        points: this.#ordered(order_by ?? null, this.#matching(filter, 'internal.filter'))
          .slice(0, count)
          .map(({ point, at }) => ({
            id: point.id,
            version: 0,
            score: 1,
            ...payloadOf(point.payload, with_payload),
            order_value: at * 1000,
          })),
      };
    }
    const found =
      using === undefined
        ? this.#nearest(body)
        : this.#nearestSparse(stringOf(using, 'using'), query, filter);
    return {
      points: found.slice(0, count).map((scored) => shownScored(scored, with_payload)),
    };
  }

  groups(body: Json): Json {
    const { query, filter, with_payload, limit, group_by, group_size } = fieldsOf(
      body,
      ['query', 'limit', 'filter', 'with_payload', 'group_by', 'group_size'],
      'QueryGroupsRequest',
    );
    const field = stringOf(group_by, 'group_by');
    const groups = new Map<string, Scored[]>();
    for (const found of this.#nearest({
      ...(query === undefined ? {} : { query }),
      ...(filter === undefined ? {} : { filter }),
    })) {
      const id = valueAt(found.point.payload, field);
      if (typeof id === 'string') groups.set(id, [...(groups.get(id) ?? []), found]);
    }
    const size = limitOf(group_size, 3, 'internal.group_size');
    return {
      groups: [...groups].slice(0, limitOf(limit, 10, 'internal.limit')).map(([id, hits]) => ({
        hits: hits.slice(0, size).map((hit) => shownScored(hit, with_payload)),
        id,
      })),
    };
  }

  /** All matching points by score, without the points that the query names. */
  #nearest(body: Json): readonly Scored[] {
    const { query, filter } = fieldsOf(body, Object.keys(body ?? {}), 'QueryRequest');
    const { target, named } = this.#target(query);
    return this.#matching(filter, 'internal.filter')
      .flatMap((point) =>
        point.vector === null || named.includes(point.id)
          ? []
          : [{ point, score: dot(point.vector, target) }],
      )
      .toSorted((a, b) => b.score - a.score);
  }

  #nearestSparse(
    name: string,
    query: Json | undefined,
    filter: Json | undefined,
  ): readonly Scored[] {
    if (name !== this.#sparseName) throw wrongInput(`Not existing vector name error: ${name}`);
    const matching = new Set(this.#matching(filter, 'internal.filter'));
    // The numbers of points, and of those with an index, are of the whole collection.
    return (
      sparseScores(sparseOf(query, 'internal.query'), [...this.#points.values()])
        .filter(({ point }) => matching.has(point))
        // Of equal scores the later point comes first.
        .toReversed()
        .toSorted((a, b) => b.score - a.score)
    );
  }

  #target(query: Json | undefined): {
    readonly target: Float32Array;
    readonly named: readonly string[];
  } {
    if (this.#dimensions === null) throw noVector();
    if (isList(query)) {
      const vector = this.#vectorOf(query);
      return { target: vector ?? new Float32Array(), named: [] };
    }
    if (typeof query === 'string')
      return { target: this.#stored(pointId(query)), named: [pointId(query)] };
    const { recommend } = fieldsOf(query, ['recommend'], 'Query');
    const { positive, negative = [] } = fieldsOf(
      recommend,
      ['positive', 'negative'],
      'RecommendInput',
    );
    const [liked, disliked] = [
      listOf(positive, 'positive').map(pointId),
      listOf(negative, 'negative').map(pointId),
    ];
    const likes = mean(
      liked.map((id) => this.#stored(id)),
      this.#dimensions,
    );
    const dislikes = mean(
      disliked.map((id) => this.#stored(id)),
      this.#dimensions,
    );
    return {
      target: normalised(
        likes.map((x, at) => (disliked.length === 0 ? x : 2 * x - (dislikes[at] ?? 0))),
      ),
      named: [...liked, ...disliked],
    };
  }

  #stored(id: string): Float32Array {
    const vector = this.#points.get(id)?.vector;
    if (!vector) throw new Refusal(404, `Not found: No point with id ${id} found`);
    return vector;
  }

  /** The dense vector alone, or both by name; the dense one has the name "". */
  #vectorsOf(json: Json, at: number): Vectors {
    const name = this.#sparseName;
    if (name === null || isList(json)) return { vector: this.#vectorOf(json), sparse: null };
    const { [name]: sparse, ...others } = fieldsOf(json, ['', name], 'VectorStruct');
    return {
      vector: others[''] === undefined ? null : this.#vectorOf(others['']),
      sparse: sparse === undefined ? null : sparseOf(sparse, `points[${at}].vector.?`),
    };
  }

  /** One vector of the collection's size, or `{}` where it has none. */
  #vectorOf(json: Json): Float32Array | null {
    if (!isList(json)) {
      const names = Object.keys(fieldsOf(json, Object.keys(json ?? {}), 'VectorStruct'));
      if (names.length === 0) return null;
      throw wrongInput(`Not existing vector name error: ${names[0]}`);
    }
    const numbers = vectorNumbers(json);
    if (this.#dimensions === null) {
      // The server finds this while it applies the operation, so the operation is counted.
      this.#operation += 1;
      throw noVector();
    }
    if (numbers.length !== this.#dimensions)
      throw wrongInput(
        `Vector dimension error: expected dim: ${this.#dimensions}, got ${numbers.length}`,
      );
    return normalised(numbers);
  }

  #matching(filter: Json | undefined, path: string): readonly Point[] {
    const test = filterOf(filter, path);
    return [...this.#candidates(filter)].filter((point) => test(point));
  }

  /** Of many searches in one request, each is about one value: it need not look at every point. */
  #candidates(filter: Json | undefined): Iterable<Point> {
    const indexed = valuesAsked(filter).find(([key]) => this.#indexes.get(key) === 'keyword');
    if (indexed === undefined) return this.#points.values();
    const [key, value] = indexed;
    if (this.#groupedAt !== this.#operation) this.#groups.clear();
    this.#groupedAt = this.#operation;
    const groups =
      this.#groups.get(key) ??
      Map.groupBy(this.#points.values(), ({ payload }) => valueAt(payload, key));
    this.#groups.set(key, groups);
    return groups.get(value) ?? [];
  }

  #chosen(points: Json | undefined, filter: Json | undefined): readonly Point[] {
    if (points === undefined && filter === undefined)
      throw formatError('data did not match any variant of untagged enum PointsSelector');
    if (points === undefined) return this.#matching(filter, 'filter');
    return listOf(points, 'points').flatMap((id) => this.#points.get(pointId(id)) ?? []);
  }
}

type Shown = { readonly [key: string]: Json };

function shown(
  { id, payload, vector }: Point,
  withPayload: Json | undefined,
  withVector: Json | undefined,
): Shown {
  return {
    id,
    ...payloadOf(payload, withPayload),
    ...(withVector === true && vector !== null ? { vector: [...vector] } : {}),
  };
}

function shownScored({ point, score }: Scored, withPayload: Json | undefined): Shown {
  return { id: point.id, version: point.version, score, ...payloadOf(point.payload, withPayload) };
}

function payloadOf(payload: Fields, wanted: Json | undefined): Shown {
  if (wanted === true) return { payload };
  if (!isList(wanted)) return {};
  return {
    payload: Object.fromEntries(
      wanted.flatMap((key) =>
        typeof key === 'string' && payload[key] !== undefined ? [[key, payload[key]]] : [],
      ),
    ),
  };
}
