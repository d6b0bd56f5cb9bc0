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

/** When its letters failed and where they came from: `18:23:50 back to 17:50:12, from shop`. */
export function whenceText({ letters }: LetterGroup): string {
  const times = [letters[0], letters.at(-1)].flatMap((letter) =>
    letter === undefined ? [] : new Date(letter.failed_at).toLocaleTimeString('en-GB'),
  );
  const topics = [...new Set(letters.map(({ origin }) => origin.topic))];
  return `${[...new Set(times)].join(' back to ')}, from ${topics.join(', ')}`;
}

/** The key of a cause. For the whole event, `got 7, …` and `got "x", …` are one cause. */
const keyOf = ({ reason, field, message }: DeadLetter): string =>
  `${reason}\n${field ?? message.replaceAll(/"(?:[^"\\]|\\.)*"?|'[^']*'|\d[\w.:+-]*/g, '…')}`;

/**
 * The letter to show, with its cause: the pinned one while it is open, or while `isChanged`; else
 * the newest of its cause, or of the largest cause.
 */
export function shownOf(
  groups: readonly LetterGroup[],
  pinned: DeadLetter | null,
  isChanged: boolean,
): { readonly group: LetterGroup; readonly letter: DeadLetter } | null {
  const alone = pinned === null ? undefined : groupsOf([pinned])[0];
  const found = groups.find(({ key }) => key === alone?.key) ?? (isChanged ? alone : groups[0]);
  if (found === undefined) return null;
  const isListed = found.letters.some(({ id }) => id === pinned?.id);
  const group =
    pinned !== null && isChanged && !isListed
      ? { ...found, letters: [...found.letters, pinned] }
      : found;
  const letter = group.letters.find(({ id }) => id === pinned?.id) ?? group.letters[0];
  return letter === undefined ? null : { group, letter };
}
