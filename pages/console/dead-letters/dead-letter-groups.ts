// Groups dead letters that failed for one cause: for the same reason at the same field, or with
// messages that differ only in the values that they quote.

import type { DeadLetter } from '../../../client/client.ts';

export type DeadLetterGroup = {
  readonly key: string;
  readonly reason: DeadLetter['reason'];
  readonly field: string | null;
  /** The newest message of the group. */
  readonly message: string;
  /** Newest first. */
  readonly deadLetters: readonly DeadLetter[];
};

/** The largest group first. `deadLetters`: newest first. */
export function groupsOf(deadLetters: readonly DeadLetter[]): readonly DeadLetterGroup[] {
  return [...Map.groupBy(deadLetters, keyOf)]
    .flatMap(([key, members]) => {
      const [newest] = members;
      if (newest === undefined) return [];
      const { reason, field, message } = newest;
      return [{ key, reason, field, message, deadLetters: members }];
    })
    .toSorted((a, b) => b.deadLetters.length - a.deadLetters.length);
}

/** When and where its dead letters failed: `18:23:50 back to 17:50:12, from shop`. */
export function whenceText({ deadLetters }: DeadLetterGroup): string {
  const times = [deadLetters[0], deadLetters.at(-1)].flatMap((deadLetter) =>
    deadLetter === undefined ? [] : new Date(deadLetter.failed_at).toLocaleTimeString('en-GB'),
  );
  const topics = [...new Set(deadLetters.map(({ origin }) => origin.topic))];
  return `${[...new Set(times)].join(' back to ')}, from ${topics.join(', ')}`;
}

/** The key of a cause. For the whole event, `got 7, …` and `got "x", …` are one cause. */
const keyOf = ({ reason, field, message }: DeadLetter): string =>
  `${reason}\n${field ?? message.replaceAll(/"(?:[^"\\]|\\.)*"?|'[^']*'|\d[\w.:+-]*/g, '…')}`;

/**
 * The dead letter to show, with its cause: the pinned one while it is open, or while `isChanged`;
 * else the newest of its cause, or of the largest cause.
 */
export function shownOf(
  groups: readonly DeadLetterGroup[],
  pinned: DeadLetter | null,
  isChanged: boolean,
): { readonly group: DeadLetterGroup; readonly deadLetter: DeadLetter } | null {
  const alone = pinned === null ? undefined : groupsOf([pinned])[0];
  const found = groups.find(({ key }) => key === alone?.key) ?? (isChanged ? alone : groups[0]);
  if (found === undefined) return null;
  const isListed = found.deadLetters.some(({ id }) => id === pinned?.id);
  const group =
    pinned !== null && isChanged && !isListed
      ? { ...found, deadLetters: [...found.deadLetters, pinned] }
      : found;
  const deadLetter = group.deadLetters.find(({ id }) => id === pinned?.id) ?? group.deadLetters[0];
  return deadLetter === undefined ? null : { group, deadLetter };
}
