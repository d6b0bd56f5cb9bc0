// Replays all dead letters of a cause, unchanged or corrected by a rule: as many calls as it takes,
// because each is bounded.

import type { DeadLetter } from '../../../client/client.ts';
import { formatCount } from '../../shared/format.ts';
import type { Session } from '../session.ts';
import type { Transform } from './correction-rule.ts';

export type CauseFilter = {
  readonly reason: DeadLetter['reason'];
  readonly state: 'open';
  /** What the messages of one cause share. */
  readonly text?: string;
  /** ISO; they failed in that time. */
  readonly since?: string;
  readonly until?: string;
};

export type Replayed = {
  /** How many there are; known in a dry run. */
  readonly matching: number | null;
  /** In a dry run: how many would be. */
  readonly replayed: number;
  readonly refused: number;
  readonly firstRefusal: string | null;
  /** Of a rule, in a dry run: the first events before and after. */
  readonly preview: Done['preview'];
  /** Why it ended early, in words; `null`: all were tried. */
  readonly trouble: string | null;
};

type Done = Awaited<ReturnType<Session['client']['deadLetters']['replayBatch']>>;

const nothing: Replayed = {
  matching: null,
  replayed: 0,
  refused: 0,
  firstRefusal: null,
  preview: [],
  trouble: null,
};

/** Small enough that progress is seen, and that a stop soon takes effect. */
const perCall = 100;

/**
 * A signal that aborts ends it between two calls.
 *
 * @param onProgress called after each call with the sums so far
 * @throws the client's error when nothing was tried before it
 */
export async function replayCause(
  session: Pick<Session, 'client' | 'explain'>,
  {
    filter,
    isDry,
    transform = null,
    signal,
  }: {
    readonly filter: CauseFilter;
    readonly isDry: boolean;
    readonly transform?: Transform | null;
    readonly signal?: AbortSignal;
  },
  onProgress: (soFar: Replayed) => void,
): Promise<Replayed> {
  const { deadLetters } = session.client;
  let sums = nothing;
  let cursor: string | null = null;
  do {
    try {
      const done: Done = await deadLetters.replayBatch({
        filter,
        dry_run: isDry,
        ...(!isDry && { limit: perCall }),
        ...(transform !== null && { transform }),
        ...(cursor !== null && { cursor }),
      });
      sums = {
        matching: sums.matching ?? done.matching,
        replayed: sums.replayed + done.replayed,
        refused: sums.refused + done.refused,
        firstRefusal: sums.firstRefusal ?? done.refusals[0]?.detail ?? null,
        preview: sums.preview.length > 0 ? sums.preview : done.preview,
        trouble: done.trouble,
      };
      cursor = done.next_cursor;
    } catch (error) {
      if (cursor === null) throw error;
      sums = { ...sums, trouble: session.explain(error) };
    }
    if (cursor !== null && signal?.aborted === true) sums = { ...sums, trouble: 'You stopped it.' };
    onProgress(sums);
  } while (cursor !== null && sums.trouble === null);
  return sums;
}

export function dryRunText(
  { matching, replayed, refused, ...rest }: Replayed,
  how: 'unchanged' | 'with this rule' = 'unchanged',
): string {
  const all = formatCount(matching ?? replayed + refused);
  return (
    `Of ${all}, ${formatCount(replayed)} can be replayed ${how} and ` +
    `${formatCount(refused)} would fail again.${endOf(rest)}`
  );
}

export function replayedText({ replayed, refused, ...rest }: Replayed): string {
  const left = refused === 0 ? '' : ` ${formatCount(refused)} were refused and stay here.`;
  return `${formatCount(replayed)} replayed: they are in the log again.${left}${endOf(rest)}`;
}

/** `700 of 1,240…` */
export const progressText = ({ replayed, refused }: Replayed, all: number | null): string =>
  `${formatCount(replayed + refused)}${all === null ? '' : ` of ${formatCount(all)}`}…`;

const endOf = ({ firstRefusal, trouble }: Pick<Replayed, 'firstRefusal' | 'trouble'>): string =>
  (firstRefusal === null ? '' : ` The first: ${firstRefusal}`) +
  (trouble === null ? '' : ` It ended early: ${trouble}`);
