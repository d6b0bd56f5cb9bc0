// What a language's part of the shop is made of, so that every generated product makes sense to a
// shopper and to a search.

/** A kind of thing, what it costs, and the words that may stand beside its name. */
export type Item = {
  readonly noun: string;
  readonly priceMin: number;
  readonly priceMax: number;
  readonly styles: readonly string[];
};

export type Aisle = {
  /** The same in all languages, so that one filter finds them all. Several aisles may share one. */
  readonly category: string;
  readonly items: readonly Item[];
  readonly features: readonly string[];
  readonly materials: readonly string[];
  readonly uses: readonly string[];
};

export type Vocabulary = {
  readonly language: 'en' | 'de' | 'fr' | 'es' | 'tr' | 'ja';
  /** Of the products that the shop sells, and of its visitors. The shares of all languages add up to 1. */
  readonly share: number;
  /** Where its visitors are, minutes east of UTC. */
  readonly offsetMinutes: number;
  /** Filled with {brand} {style} {noun} {colour}. */
  readonly names: readonly string[];
  /** Filled with {feature} {second} {material} {use}. */
  readonly descriptions: readonly string[];
  /** What people type, most usual first: filled with {noun} {style} {colour} {use}. */
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
