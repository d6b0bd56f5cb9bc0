// Plans what is done to all dead letters of a cause: first it counts, then a person decides, then
// it acts.

import { formatCount } from '../../shared/format.ts';
import { reasonName } from '../event-words.ts';
import type { Session } from '../session.ts';
import { changesOf, type Transform } from './correction-rule.ts';
import type { DeadLetterGroup } from './dead-letter-groups.ts';
import {
  dryRunText,
  progressText,
  replayCause,
  replayedText,
  type CauseFilter,
} from './replay-cause.ts';

/** Those of one cause, all of its kind, or those of its kind that contain a text. */
export type Scope = 'cause' | 'kind' | 'found';

export type Plan = {
  readonly kind: 'replay' | 'purge';
  readonly filter: CauseFilter;
  /** `null`: unchanged. */
  readonly transform: Transform | null;
  /** How many it would change. */
  readonly count: number;
  /** How many it would try. */
  readonly matching: number;
  readonly text: string;
  /** What the rule makes of the first events: a list of changes for each. */
  readonly changes: readonly (readonly string[])[];
};

/**
 * Messages about a field begin with its name. A list by hour keeps to its hour.
 *
 * @param found what the list was narrowed to; '' for nothing
 */
export function filterOf(
  { reason, field, hour }: DeadLetterGroup,
  scope: Scope,
  found: string,
): CauseFilter {
  const text = scope === 'found' ? found : scope === 'cause' && field !== null ? `${field}: ` : '';
  return { reason, state: 'open', ...(text !== '' && { text }), ...hour };
}

export const scopesOf = (
  { reason, field }: DeadLetterGroup,
  found: string,
): readonly (readonly [Scope, string])[] => [
  ...(found === '' ? [] : [['found', `Only with “${found}”`] as const]),
  ...(field === null ? [] : [['cause', `Only ${field}`] as const]),
  ['kind', `All “${reasonName(reason)}”`],
];

export async function planReplay(
  session: Session,
  filter: CauseFilter,
  transform: Transform | null,
  onProgress: (text: string) => void,
): Promise<Plan> {
  const tried = await replayCause(session, { filter, transform, isDry: true }, (soFar) =>
    onProgress(progressText(soFar, soFar.matching)),
  );
  const { replayed, refused, matching, preview } = tried;
  const members = Object.keys(transform ?? {});
  return {
    kind: 'replay',
    filter,
    transform,
    count: replayed,
    matching: matching ?? replayed + refused,
    text: dryRunText(tried, transform === null ? 'unchanged' : 'with this rule'),
    changes: preview.map((each) => changesOf(members, each)),
  };
}

export async function planPurge({ client }: Session, filter: CauseFilter): Promise<Plan> {
  const { matching } = await client.deadLetters.purgeMatching({ filter });
  return {
    kind: 'purge',
    filter,
    transform: null,
    count: matching,
    matching,
    text: 'The content of these events is deleted, so that none can be replayed; the reasons stay.',
    changes: [],
  };
}

/** Whether it failed, and what was done, in words. */
export type Told = readonly [isBad: boolean, text: string];

export async function carryOut(
  session: Session,
  { kind, filter, transform, count, matching }: Plan,
  { onProgress, signal }: { onProgress: (text: string) => void; signal: AbortSignal },
): Promise<Told> {
  if (kind === 'purge') {
    const { deadLetters } = session.client;
    const { purged } = await deadLetters.purgeMatching({ filter, confirm: count });
    return [false, `${formatCount(purged)} purged.`];
  }
  const done = await replayCause(session, { filter, transform, isDry: false, signal }, (soFar) =>
    onProgress(progressText(soFar, matching)),
  );
  return [done.trouble !== null, replayedText(done)];
}
