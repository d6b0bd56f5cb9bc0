// Groups dead letters that failed for one cause: for the same reason at the same field, or with
// messages that differ only in the values that they quote; also by producer or by hour.

import type { DeadLetter } from '../../../client/client.ts';

/** What the causes are listed under. */
export type Grouping = 'cause' | 'producer' | 'time';

export type DeadLetterGroup = {
  readonly key: string;
  /** The producer, or the hour; `null` where all causes are one list. */
  readonly section: string | null;
  /** ISO times that a list by time narrows it to. */
  readonly hour: { readonly since: string; readonly until: string } | null;
  readonly reason: DeadLetter['reason'];
  readonly field: string | null;
  /** The newest message of the group. */
  readonly message: string;
  /** Newest first. */
  readonly deadLetters: readonly DeadLetter[];
};

/**
 * The largest producer and the newest hour first; in each, the largest cause. `deadLetters`: newest
 * first.
 */
export function groupsOf(
  deadLetters: readonly DeadLetter[],
  by: Grouping = 'cause',
): readonly DeadLetterGroup[] {
  const sections = [...Map.groupBy(deadLetters, (each) => sectionOf(each, by))];
  if (by === 'producer') sections.sort(([, a], [, b]) => b.length - a.length);
  return sections.flatMap(([name, members]) => {
    const hour = by === 'time' && members[0] !== undefined ? hourOf(members[0]) : null;
    const section = hour === null ? name : hourText(hour);
    return [...Map.groupBy(members, (each) => keyOf(each, name))]
      .flatMap(([key, same]) => {
        const [newest] = same;
        if (newest === undefined) return [];
        const { reason, field, message } = newest;
        return [{ key, section, hour, reason, field, message, deadLetters: same }];
      })
      .toSorted((a, b) => b.deadLetters.length - a.deadLetters.length);
  });
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
const keyOf = ({ reason, field, message }: DeadLetter, section: string | null): string => {
  const what = field ?? message.replaceAll(/"(?:[^"\\]|\\.)*"?|'[^']*'|\d[\w.:+-]*/g, '…');
  return [section ?? '', reason, what].join('\n');
};

/** The producer, or the begin of the hour. */
function sectionOf(deadLetter: DeadLetter, by: Grouping): string | null {
  if (by === 'cause') return null;
  return by === 'producer' ? producerOf(deadLetter) : hourOf(deadLetter).since;
}

/** The key of a page that collects, the source of a CloudEvent, else the topic. */
const producerOf = ({ headers, origin }: DeadLetter): string =>
  headers['x-collected-by'] ?? headers['ce_source'] ?? origin.topic;

/** The hour of the person's clock in which it failed. */
function hourOf({ failed_at: failedAt }: DeadLetter): { since: string; until: string } {
  const since = new Date(failedAt);
  since.setMinutes(0, 0, 0);
  const until = new Date(since.getTime() + 3_600_000);
  return { since: since.toISOString(), until: until.toISOString() };
}

/** `31 January, 14:00 to 15:00` */
function hourText({ since, until }: { readonly since: string; readonly until: string }): string {
  const day = new Date(since).toLocaleDateString('en-GB', { day: 'numeric', month: 'long' });
  const [from, to] = [since, until].map((time) =>
    new Date(time).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' }),
  );
  return `${day}, ${from} to ${to}`;
}

/**
 * The dead letter to show, with its cause: the pinned one while it is open, or while `isChanged`;
 * else the newest of its cause, or of the largest cause.
 */
export function shownOf(
  groups: readonly DeadLetterGroup[],
  pinned: DeadLetter | null,
  isChanged: boolean,
  by: Grouping = 'cause',
): { readonly group: DeadLetterGroup; readonly deadLetter: DeadLetter } | null {
  const alone = pinned === null ? undefined : groupsOf([pinned], by)[0];
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
