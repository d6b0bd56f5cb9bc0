// The numbers in the formula of recommendations, and their defaults.

/** How recommendations are computed. docs/analysis.md has the formula. */
export type RecommenderSettings = {
  /** How many of a visitor's newest products look for neighbours, 1…100. */
  readonly productsMax: number;
  readonly touchesPerProduct: number;
  readonly sessionsMax: number;
  readonly touchesPerSession: number;
  readonly fadingShare: number;
  readonly halfLifeMs: number;
  /** How much more a rare product counts than the most frequent one, per e-fold of frequency. */
  readonly rarity: number;
  /** How much the cosine of a product adds to its score by neighbours. */
  readonly meaningWeight: number;
  /** The share of the places that is kept for products with few events. */
  readonly newShare: number;
  /** A product with fewer events has few. */
  readonly newEventsMax: number;
  /** One whose newest event is older than this is not new, but forgotten. */
  readonly newAgeMs: number;
};

const day = 24 * 3_600_000;
/** Found on real logs with `npm run evaluate`; see docs/analysis.md. */
export const defaultRecommenderSettings: RecommenderSettings = {
  productsMax: 20,
  touchesPerProduct: 200,
  sessionsMax: 250,
  touchesPerSession: 200,
  fadingShare: 0.95,
  halfLifeMs: 14 * day,
  rarity: 0.25,
  meaningWeight: 0.2,
  newShare: 0.1,
  newEventsMax: 5,
  newAgeMs: 7 * day,
};
