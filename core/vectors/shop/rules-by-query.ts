// Says what a shop's rules mean for one query. A query is compared by its words, folded as in the
// search by words.

import type { QueryRule, SearchRules } from '#core/ports.ts';
import { plainWordsOf } from '#core/vectors/lexical/fold-text.ts';
import type { Alternative } from '#core/vectors/lexical/word-features.ts';

/** What the rules say about one query. */
export type RulesOfQuery = {
  readonly alternatives: readonly Alternative[];
  readonly pin: readonly string[];
  readonly hide: ReadonlySet<string>;
  readonly boost: ReadonlyMap<string, number>;
};

export const noRules: RulesOfQuery = {
  alternatives: [],
  pin: [],
  hide: new Set(),
  boost: new Map(),
};

/** A query that has more of the terms uses only the first alternatives. */
const alternativesMax = 40;

/** What two queries share for which one rule holds. Empty for a text without a word. */
export const queryKey = (query: string): string => plainWordsOf(query).join(' ');

/** Prepares the rules once, so that a query looks up its own. */
export function rulesByQuery(rules: SearchRules | null): (query: string) => RulesOfQuery {
  if (rules === null) return () => noRules;
  const queries = new Map(rules.queries.map((rule) => [queryKey(rule.query), rule]));
  const terms = Map.groupBy(termsOf(rules), ({ words: [first] }) => first ?? '');
  return (query) => {
    const words = plainWordsOf(query);
    const found = words
      .values()
      .flatMap((word, at) =>
        (terms.get(word) ?? []).filter((term) =>
          term.words.every((own, index) => own === words[at + index]),
        ),
      )
      .flatMap(alternativesOf);
    // Lazily: a word that is repeated, and a term of many synonyms, make millions of them.
    return {
      ...productsOf(queries.get(words.join(' '))),
      alternatives: [...found.take(alternativesMax)],
    };
  };
}

function productsOf(rule: QueryRule | undefined): Omit<RulesOfQuery, 'alternatives'> {
  if (rule === undefined) return noRules;
  return {
    pin: rule.pin,
    hide: new Set(rule.hide),
    boost: new Map(rule.boost.map(({ productId, factor }) => [productId, factor])),
  };
}

type Term = { readonly words: readonly string[]; readonly found: readonly (readonly string[])[] };

function termsOf({ synonyms }: SearchRules): readonly Term[] {
  return synonyms.flatMap(({ terms, alsoFind }) => {
    const split = terms.map(plainWordsOf);
    const also = alsoFind?.map(plainWordsOf) ?? null;
    return split.map((words) => ({ words, found: also ?? split.filter((one) => one !== words) }));
  });
}

/** `t-shirt` in a query is also the word `tshirt`: see `wordsOf`. */
const alternativesOf = ({ words, found }: Term): readonly Alternative[] =>
  found.map((others) => ({ words: new Set([...words, words.join('')]), others }));
