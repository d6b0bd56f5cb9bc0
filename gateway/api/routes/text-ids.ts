// The ids of texts in a search: as they are stored, and the answer when one is not.

import { ProblemError } from '../../http/problem-document.ts';

/** One id or several, in the lower case in which they are stored. */
export function idsOf(ids: string | readonly string[]): string[] {
  return [ids].flat().map((id) => id.toLowerCase());
}

export const textsNotFound = (ids: readonly string[]): ProblemError =>
  new ProblemError({
    status: 404,
    code: 'text_not_found',
    detail:
      `No text with the id ${ids.slice(0, 3).join(', ')} is stored, ` +
      'or its vector is being recomputed.',
  });
