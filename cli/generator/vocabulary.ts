// The types of a language's vocabulary, from which products are generated that make sense to a
// shopper and to a search.

/** A kind of product, its price range, and the styles that fit its name. */
export type Item = {
  readonly noun: string;
  readonly priceMin: number;
  readonly priceMax: number;
  readonly styles: readonly string[];
};

export type Aisle = {
  /** The same in all languages, so that one filter finds all. Several aisles may share one. */
  readonly category: string;
  readonly items: readonly Item[];
  readonly features: readonly string[];
  readonly materials: readonly string[];
  readonly uses: readonly string[];
};

export type Vocabulary = {
  readonly language: 'en' | 'de' | 'fr' | 'es' | 'tr' | 'ja';
  /** Share of the shop's products and visitors. The shares of all languages add up to 1. */
  readonly share: number;
  /** The visitors' time zone, in minutes east of UTC. */
  readonly offsetMinutes: number;
  /** Filled with {brand} {style} {noun} {colour}. */
  readonly names: readonly string[];
  /** Filled with {feature} {second} {material} {use}. */
  readonly descriptions: readonly string[];
  /** Search queries, most frequent first. Filled with {noun} {style} {colour} {use}. */
  readonly queries: readonly string[];
  readonly aisles: readonly Aisle[];
};

/** `item('desk lamp', 20, 90, 'dimmable LED', 'brass')`; prices in the shop's one currency. */
export const item = (
  noun: string,
  priceMin: number,
  priceMax: number,
  ...styles: readonly string[]
): Item => ({ noun, priceMin, priceMax, styles });
