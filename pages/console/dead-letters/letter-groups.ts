// Groups dead letters that failed for one cause: for the same reason at the same field, or with
// messages that differ only in the values that they quote.

import type { DeadLetter } from '../../../client/client.ts';

export type LetterGroup = {
  readonly key: string;
  readonly reason: DeadLetter['reason'];
  readonly field: string | null;
  /** The newest message of the group. */
  readonly message: string;
  /** Newest first. */
  readonly letters: readonly DeadLetter[];
};

/** The largest group first. `letters`: newest first. */
export function groupsOf(letters: readonly DeadLetter[]): readonly LetterGroup[] {
  return [...Map.groupBy(letters, keyOf)]
    .flatMap(([key, members]) => {
      const [newest] = members;
      if (newest === undefined) return [];
      const { reason, field, message } = newest;
      return [{ key, reason, field, message, letters: members }];
    })
    .toSorted((a, b) => b.letters.length - a.letters.length);
}

/** The key of a cause. For the whole event, `got 7, …` and `got "x", …` are one cause. */
const keyOf = ({ reason, field, message }: DeadLetter): string =>
  `${reason}\n${field ?? message.replaceAll(/"(?:[^"\\]|\\.)*"?|'[^']*'|\d[\w.:+-]*/g, '…')}`;

/** JSON with indentation for a person; other text stays. */
export function readable(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
