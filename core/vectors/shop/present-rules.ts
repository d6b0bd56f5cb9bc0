// Knows the search rules of a store, at most two seconds old.

import { ConfirmedAnswers } from '#core/collections/confirmed-answers.ts';
import type { Clock, SearchRules, VectorStore } from '#core/ports.ts';
import { rulesByQuery, type RulesOfQuery } from './rules-by-query.ts';

/** So long after a change, another gateway may still use the rules before it. */
const ageMsMax = 2_000;

export type PresentRules = {
  /**
   * Answers by what the rules say about a query. Throws the errors of the store while it knows no
   * rules.
   *
   * @param answer is called again when the rules turn out to have changed
   */
  by<Answer>(query: string, answer: (rules: RulesOfQuery) => Promise<Answer>): Promise<Answer>;
  /** The rules were just replaced, or read. */
  know(rules: SearchRules | null): void;
};

export function createPresentRules(
  store: Pick<VectorStore, 'searchRules'>,
  clock: Clock,
): PresentRules {
  type Known = {
    readonly updatedAt: number;
    readonly find: (query: string) => RulesOfQuery;
  };
  let known: Known | null = null;
  let readAt = -Infinity;
  let reading: Promise<Known> | null = null;

  const know = (rules: SearchRules | null): Known => {
    readAt = clock.monotonic();
    const updatedAt = rules?.updatedAt ?? 0;
    // A read that began before the last change may end after it.
    if (known === null || known.updatedAt < updatedAt)
      known = { updatedAt, find: rulesByQuery(rules) };
    return known;
  };
  const read = async (): Promise<Known> => {
    try {
      return know(await store.searchRules.get());
    } catch (error) {
      // Older rules are better than no search.
      if (known === null) throw error;
      return known;
    } finally {
      reading = null;
    }
  };
  const answers = new ConfirmedAnswers<Known>(1, (before, now) => before === now);
  const present = async (): Promise<Known> =>
    known !== null && clock.monotonic() - readAt < ageMsMax ? known : (reading ??= read());
  return {
    know,
    by: (query, answer) => answers.from('rules', present, ({ find }) => answer(find(query))),
  };
}
