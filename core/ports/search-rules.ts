// What a shop itself decides about its search.

/** Terms that stand for each other in the search by words. */
export type Synonyms = {
  /** Words, or a few words in a row. */
  readonly terms: readonly string[];
  /** What each of the terms also finds; `null`: what any other of the terms finds. */
  readonly alsoFind: readonly string[] | null;
};

/** Products, by their ids, that one query shows otherwise than it would find them. */
export type QueryRule = {
  readonly query: string;
  /** They come first, in this order. */
  readonly pin: readonly string[];
  readonly hide: readonly string[];
  /** `factor` multiplies the score of a hit. */
  readonly boost: readonly { readonly productId: string; readonly factor: number }[];
};

export type SearchRules = {
  /** The version, UTC ms. */
  readonly updatedAt: number;
  readonly synonyms: readonly Synonyms[];
  readonly queries: readonly QueryRule[];
};

/** Keeps the search rules for all gateways of a store. Calls throw the errors of `VectorStore`. */
export type SearchRuleStore = {
  /** Replaces the rules, unless the stored ones have the same or a later `updatedAt`. */
  put(rules: SearchRules): Promise<void>;
  /** `null` before the first `put`. */
  get(): Promise<SearchRules | null>;
};
