// Where vectors and events live.

import type { ErasureStore } from './erasure.ts';
import type { CatalogueStore } from './product-catalogue.ts';
import type { ProvenanceStore } from './provenance.ts';
import type { RunnerBlockStore } from './runner-block.ts';
import type { SearchRuleStore } from './search-rules.ts';
import type {
  Count,
  CountsRequest,
  EventFilter,
  Funnel,
  FunnelRequest,
  NeighbourProducts,
  NeighbourRequest,
  OnCandidates,
  SearchHit,
  SearchRequest,
  SharingRequest,
  SimilarProduct,
  SimilarRequest,
  StoreCounts,
  WordSearchHit,
  WordSearchRequest,
} from './store-queries.ts';
import type {
  BareText,
  EventRecord,
  StoredEvent,
  TextRecord,
  WriteOutcome,
} from './stored-records.ts';

/**
 * What an index holds. A store that was created for another identity refuses writes, because new
 * vectors could not be compared with its own. Its error says how to migrate.
 */
export type IndexIdentity = {
  readonly modelId: string;
  /** The model's vector revision. */
  readonly modelRevision: string;
  /** Other revisions whose vectors may be compared with these. Absent: none. */
  readonly compatibleRevisions?: readonly string[];
  readonly dimensions: number;
  /** SHA-256 of the text template. */
  readonly templateHash: string;
};

/**
 * Where vectors and events live. A store is opened for one `IndexIdentity`, and its factory throws
 * `IndexMismatchError` when the stored data has another.
 *
 * - A write is applied and searchable when it resolves. Writes are idempotent.
 * - A write returns one outcome per item, in order.
 * - Every call may throw `DependencyError`. If it is retryable (network, busy, 5xx), the caller
 *   repeats the same call. If it is not, a write holds an item that the store cannot accept, and
 *   the caller halves the batch to find it (see `writeBisecting`).
 * - A _known_ text is one that is stored and not withheld (see `ProvenanceStore`).
 */
export type VectorStore = AsyncDisposable & {
  readonly kind: 'qdrant' | 'embedded' | 'memory';
  /** The most items that a caller puts into one write call. */
  readonly batchMax: { readonly texts: number; readonly events: number };
  readonly provenanceStore: ProvenanceStore;
  readonly erasureStore: ErasureStore;
  readonly runnerBlockStore: RunnerBlockStore;
  readonly catalogue: CatalogueStore;
  readonly searchRules: SearchRuleStore;
  /**
   * The known texts among these. A text without events is then kept for a whole grace period more
   * (see `forget`), because its event is about to be written.
   */
  knownTexts(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Rejects a vector that is not finite, not of unit length or not of the index's dimension. A text
   * that is already stored keeps its id and gets the new vector.
   */
  putTexts(texts: readonly TextRecord[]): Promise<readonly WriteOutcome[]>;
  /**
   * A newer version of an event replaces the stored one; the same or an older version is
   * `superseded`. An event whose raw id is not that of the stored one is an `id-conflict` in any
   * version; events that were stored without their raw id, by older versions of this program,
   * conflict with none. An item with `insertOnly` replaces nothing. Two items with the same id are
   * applied one after the other.
   */
  putEvents(events: readonly EventRecord[]): Promise<readonly WriteOutcome[]>;
  /**
   * The nearest known texts that have an event matching the filter, or a matching product in the
   * catalogue, ranked as in `SearchCursor`. Queries take part only when the filter's `eventTypes`
   * includes `search`.
   */
  search(request: SearchRequest, onCandidates?: OnCandidates): Promise<readonly SearchHit[]>;
  /**
   * The product texts that share a feature with the query and have an event matching the filter, or
   * a matching product in the catalogue, ranked as in `SearchCursor` by the score of
   * core/vectors/lexical/word-features.ts, in which `N` counts the product texts. The features of a
   * text are those of its product and of its brands in the catalogue. Withheld texts take part:
   * their words are not in doubt.
   */
  searchWords(
    request: WordSearchRequest,
    onCandidates?: OnCandidates,
  ): Promise<readonly WordSearchHit[]>;
  /**
   * Prepares stored texts of older versions for `searchWords`, which finds only prepared ones, and
   * removes what it keeps of texts that are gone. Each call does some of it; `false` at the end of
   * a pass over all. New texts are prepared as they are put.
   */
  prepareWords(): Promise<boolean>;
  /**
   * The products of the sessions that share most with these products. Which touches with the same
   * time are read, and which sessions with the same weight are used, is undefined at the bounds.
   */
  sessionNeighbours(request: NeighbourRequest): Promise<NeighbourProducts>;
  /**
   * The known product texts nearest to the mean of these texts, by descending score, without the
   * texts themselves. An index that searches approximately may miss some.
   */
  similarProducts(request: SimilarRequest): Promise<readonly SimilarProduct[]>;
  /**
   * The newest event about each of these products, by product id; searches do not count. If several
   * share a millisecond, any of them.
   */
  newestOfProducts(productIds: readonly string[]): Promise<ReadonlyMap<string, StoredEvent>>;
  /**
   * Other products whose newest event has one of these texts: products with the same name,
   * description and category share a text. The newest event about each, by product id; at most
   * `sharingProductsMax` products.
   */
  sharingProducts(request: SharingRequest): Promise<ReadonlyMap<string, StoredEvent>>;
  /** The stored texts among these, withheld ones included. */
  texts(textIds: readonly string[]): Promise<ReadonlyMap<string, BareText>>;
  /** The vectors of the known texts among these. */
  vectors(textIds: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
  /** Newest first (by timestamp, then id). `after` is the last event of the page before. */
  events(
    filter: EventFilter,
    limit: number,
    after?: { readonly timestamp: number; readonly id: string },
  ): Promise<readonly StoredEvent[]>;
  event(id: string): Promise<StoredEvent | null>;
  /**
   * Counts matching events by one field. Returns the largest groups, by count, then value; which
   * groups of equal size fall beyond the limit is undefined. May take seconds with millions of
   * events, and blocks no other call.
   */
  countsBy(request: CountsRequest): Promise<readonly Count[]>;
  /**
   * How far the sessions of the newest events in a range get. Which events with the same time are
   * read at the bound is undefined.
   */
  funnel(request: FunnelRequest): Promise<Funnel>;
  counts(): Promise<StoreCounts>;
  /**
   * Deletes events ingested before `ingestedBefore`, and texts that have had no event for longer
   * than `textGraceMs`. That must exceed the lifetime of every cached known text. The work per call
   * is bounded; while `more` is true, call again.
   */
  forget(request: {
    readonly ingestedBefore: number;
    readonly now: number;
    readonly textGraceMs: number;
  }): Promise<{ readonly events: number; readonly texts: number; readonly more: boolean }>;
};
