// Filters a search by brand, which only the catalogue knows: events have none.

import { ConfirmedAnswers } from '#core/collections/confirmed-answers.ts';
import type { EventFilter, VectorStore } from '#core/ports.ts';

/** A search by brand finds products with the first of so many texts. */
const textsMax = 10_000;
/** So many choices of brands are remembered. */
const choicesMax = 20;

/**
 * Answers with the filter, limited to the texts of these brands; `null`: of all. Other products may
 * have such a text too: see `ListedOptions.brands`.
 *
 * @param answer may be called twice
 */
export type WithBrands = <Answer>(
  filter: EventFilter,
  brands: readonly string[] | null,
  answer: (filter: EventFilter) => Promise<Answer>,
) => Promise<Answer>;

export function createWithBrands(
  catalogue: Pick<VectorStore['catalogue'], 'textsOfBrands'>,
): WithBrands {
  const answers = new ConfirmedAnswers<readonly string[]>(
    choicesMax,
    (before, now) => before.toSorted().join() === now.toSorted().join(),
  );
  return (filter, brands, answer) =>
    brands === null
      ? answer(filter)
      : answers.from(
          JSON.stringify(brands),
          () => catalogue.textsOfBrands(brands, textsMax),
          (texts) => {
            const { textIds } = filter;
            const both = textIds === undefined ? texts : texts.filter((id) => textIds.includes(id));
            return answer({ ...filter, textIds: both });
          },
        );
}
