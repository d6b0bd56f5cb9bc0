// Replays or purges all dead letters of one reason: first it counts, then it asks, then it acts.

import { useState } from 'preact/hooks';
import type { DeadLetter } from '../../../client/client.ts';
import { formatCount } from '../../shared/format.ts';
import { reasonName } from '../event-words.ts';
import type { Session } from '../session.ts';
import {
  dryRunText,
  progressText,
  replayCause,
  replayedText,
  type CauseFilter,
} from './replay-cause.ts';

type Plan = {
  readonly kind: 'replay' | 'purge';
  /** How many it would change. */
  readonly count: number;
  /** How many it would try. */
  readonly matching: number;
  readonly text: string;
};

export function CauseActions({
  session,
  reason,
  open,
  onDone,
}: {
  readonly session: Session;
  readonly reason: DeadLetter['reason'];
  /** How many are open; `null`: not known yet. */
  readonly open: number | null;
  readonly onDone: (isBad: boolean, text: string) => void;
}) {
  const [plan, setPlan] = useState<Plan | null>(null);
  const [progress, setProgress] = useState<string | null>(null);
  const filter = { reason, state: 'open' as const };
  const attempt = async (action: () => Promise<void>): Promise<void> => {
    setProgress('Asking…');
    try {
      await action();
    } catch (error) {
      setPlan(null);
      onDone(true, session.explain(error));
    }
    setProgress(null);
  };
  const carryOut = async ({ kind, count, matching }: Plan): Promise<void> => {
    const [isBad, text] =
      kind === 'purge'
        ? await purge(session, filter, count)
        : await replay(session, filter, (soFar) => setProgress(progressText(soFar, matching)));
    setPlan(null);
    onDone(isBad, text);
  };
  const isBusy = progress !== null;
  return (
    <section class="card" aria-label="All of this kind">
      <header class="card-head">
        <h2>{titleOf(reason, open)}</h2>
        <span class="actions">
          <button
            class="button is-small"
            type="button"
            disabled={isBusy}
            onClick={() =>
              void attempt(async () => setPlan(await planReplay(session, filter, setProgress)))
            }
          >
            Try a replay
          </button>
          <button
            class="button is-small"
            type="button"
            disabled={isBusy}
            onClick={() => void attempt(async () => setPlan(await planPurge(session, filter)))}
          >
            Purge…
          </button>
        </span>
      </header>
      {isBusy && <p role="status">{progress}</p>}
      {plan === null ? (
        <p class="quiet">
          A try changes nothing: it says how many would succeed. A replay writes the events into the
          log again.
        </p>
      ) : (
        <PlanView
          plan={plan}
          isBusy={isBusy}
          onGo={() => void attempt(() => carryOut(plan))}
          onLeave={() => setPlan(null)}
        />
      )}
    </section>
  );
}

function PlanView({
  plan: { kind, count, text },
  isBusy,
  onGo,
  onLeave,
}: {
  readonly plan: Plan;
  readonly isBusy: boolean;
  readonly onGo: () => void;
  readonly onLeave: () => void;
}) {
  return (
    <div role="status">
      <p>{text}</p>
      <p class="actions plan">
        {count > 0 && (
          <button
            class={`button is-small ${kind === 'purge' ? 'is-danger' : 'is-primary'}`}
            type="button"
            disabled={isBusy}
            onClick={onGo}
          >
            {kind === 'purge' ? 'Purge' : 'Replay'} {formatCount(count)}
          </button>
        )}
        <button class="button is-small" type="button" disabled={isBusy} onClick={onLeave}>
          Leave them
        </button>
      </p>
    </div>
  );
}

function titleOf(reason: DeadLetter['reason'], open: number | null): string {
  const kind = `of the kind “${reasonName(reason)}”`;
  if (open === null) return `All ${kind}`;
  return open === 1 ? `The only one ${kind}` : `All ${formatCount(open)} ${kind}`;
}

async function planReplay(
  session: Session,
  filter: CauseFilter,
  onProgress: (text: string) => void,
): Promise<Plan> {
  const tried = await replayCause(session, { filter, isDry: true }, (soFar) =>
    onProgress(progressText(soFar, soFar.matching)),
  );
  const { replayed, refused, matching } = tried;
  return {
    kind: 'replay',
    count: replayed,
    matching: matching ?? replayed + refused,
    text: dryRunText(tried),
  };
}

async function planPurge({ client }: Session, filter: CauseFilter): Promise<Plan> {
  const { matching } = await client.deadLetters.purgeMatching({ filter });
  return {
    kind: 'purge',
    count: matching,
    matching,
    text: 'The content of these events is deleted, so that none can be replayed; the reasons stay.',
  };
}

/** Whether it failed, and what was done, in words. */
type Told = readonly [isBad: boolean, text: string];

async function replay(
  session: Session,
  filter: CauseFilter,
  onProgress: Parameters<typeof replayCause>[2],
): Promise<Told> {
  const done = await replayCause(session, { filter, isDry: false }, onProgress);
  return [done.trouble !== null, replayedText(done)];
}

async function purge({ client }: Session, filter: CauseFilter, confirm: number): Promise<Told> {
  const { purged } = await client.deadLetters.purgeMatching({ filter, confirm });
  return [false, `${formatCount(purged)} purged.`];
}
