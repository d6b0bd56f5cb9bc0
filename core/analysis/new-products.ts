// Keeps places of a recommendation for products with few events, which behaviour cannot know yet.

import type { EventFilter, EventType, SimilarProduct, VectorStore } from '#core/ports.ts';
import type { Popularity, ProductCounts } from './product-counts.ts';
import type { Recommendation } from './recommendation-scores.ts';
import type { RecommenderSettings } from './recommender-settings.ts';
import { similarOf } from './similar-to-visitor.ts';
import type { Visitor } from './visitor.ts';

const newMax = 50;

/** New products near in meaning, which may not be among the nearest of all. */
export async function newSimilarOf(
  store: Pick<VectorStore, 'similarProducts'>,
  popularity: Popularity,
  visitor: Visitor,
  filter: EventFilter,
  types: readonly EventType[],
  { newShare, newEventsMax: eventsMax, newAgeMs: ageMs }: RecommenderSettings,
): Promise<readonly SimilarProduct[]> {
  if (newShare === 0 || visitor.textIds.length === 0) return [];
  const found = await popularity.newTexts({ types, eventsMax, ageMs });
  const textIds = found.filter((id) => filter.textIds?.includes(id) !== false);
  if (textIds.length === 0) return [];
  return similarOf(store, visitor, { ...filter, textIds }, newMax);
}

/**
 * The last places of the list go to products with few events, the nearest in meaning first. On a
 * real log, half of the products with few events that were bought later had their newest event
 * within a day, and most others with few events were never bought again.
 *
 * @param newIds products that are new
 */
export function withNewProducts(
  ranked: readonly Recommendation[],
  limit: number,
  counts: ProductCounts,
  newIds: ReadonlySet<string>,
  { newShare }: RecommenderSettings,
): readonly Recommendation[] {
  const places = Math.floor(limit * newShare);
  const first = ranked.slice(0, limit - places);
  const taken = new Set(first);
  const rest = ranked.filter((item) => !taken.has(item));
  const isNew = ({ product: { id }, because, isSeen }: Recommendation): boolean =>
    !isSeen && because.similarity !== null && (newIds.has(id) || counts.of(id) === 0);
  const added = rest
    .filter(isNew)
    .toSorted((a, b) => (b.because.similarity ?? 0) - (a.because.similarity ?? 0))
    .slice(0, places);
  const isAdded = new Set(added);
  const others = rest.filter((item) => !isAdded.has(item));
  return [...first, ...others.slice(0, places - added.length), ...added];
}
