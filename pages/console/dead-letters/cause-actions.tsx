// Replays or purges all dead letters of one reason: first it counts, then it asks, then it acts.

import { useState } from 'preact/hooks';
import type { DeadLetter } from '../../../client/client.ts';
import { reasonName } from '../event-words.ts';
import type { Session } from '../session.ts';

type Plan = { readonly kind: 'replay' | 'purge'; readonly count: number; readonly text: string };

export function CauseActions({
  session,
  reason,
  onDone,
}: {
  readonly session: Session;
  readonly reason: DeadLetter['reason'];
  readonly onDone: (isBad: boolean, text: string) => void;
}) {
  const [plan, setPlan] = useState<Plan | null>(null);
  const [isBusy, setBusy] = useState(false);
  const { deadLetters } = session.client;
  const filter = { reason, state: 'open' as const };
  const attempt = async (action: () => Promise<void>): Promise<void> => {
    setBusy(true);
    await action().catch((error: unknown) => onDone(true, session.explain(error)));
    setBusy(false);
  };
  return (
    <section class="card" aria-label="All of this cause">
      <header class="card-head">
        <h2>All “{reasonName(reason)}”</h2>
        <span class="actions">
          <button
            class="button is-small"
            type="button"
            disabled={isBusy}
            onClick={() => void attempt(async () => setPlan(await planReplay(deadLetters, filter)))}
          >
            Try a replay
          </button>
          <button
            class="button is-small"
            type="button"
            disabled={isBusy}
            onClick={() => void attempt(async () => setPlan(await planPurge(deadLetters, filter)))}
          >
            Purge…
          </button>
        </span>
      </header>
      {plan === null ? (
        <p class="quiet">
          A try changes nothing: it says how many would succeed. A replay writes the events into the
          log again.
        </p>
      ) : (
        <div role="status">
          <p>{plan.text}</p>
          <p class="actions plan">
            {plan.count > 0 && (
              <button
                class={`button is-small ${plan.kind === 'purge' ? 'is-danger' : 'is-primary'}`}
                type="button"
                disabled={isBusy}
                onClick={() =>
                  void attempt(async () => {
                    onDone(false, await carryOut(deadLetters, filter, plan));
                    setPlan(null);
                  })
                }
              >
                {plan.kind === 'purge' ? 'Purge' : 'Replay'} {number(plan.count)}
              </button>
            )}
            <button class="button is-small" type="button" onClick={() => setPlan(null)}>
              Leave them
            </button>
          </p>
        </div>
      )}
    </section>
  );
}

type Calls = Session['client']['deadLetters'];
type Filter = { readonly reason: DeadLetter['reason']; readonly state: 'open' };

async function planReplay(calls: Calls, filter: Filter): Promise<Plan> {
  const { matching, replayed, refused, refusals } = await calls.replayBatch({
    filter,
    dry_run: true,
  });
  const why = refusals[0] === undefined ? '' : ` The first: ${refusals[0].detail}`;
  const all = number(matching ?? replayed + refused);
  return {
    kind: 'replay',
    count: replayed,
    text:
      `Of ${all}, ${number(replayed)} can be replayed unchanged and ${number(refused)} would ` +
      `fail again.${why}`,
  };
}

async function planPurge(calls: Calls, filter: Filter): Promise<Plan> {
  const { matching } = await calls.purgeMatching({ filter });
  return {
    kind: 'purge',
    count: matching,
    text: 'The content of these events is deleted, so that none can be replayed; the reasons stay.',
  };
}

/** Returns what was done, in words. */
async function carryOut(calls: Calls, filter: Filter, { kind, count }: Plan): Promise<string> {
  if (kind === 'replay') {
    const { replayed } = await calls.replayBatch({ filter });
    return `${number(replayed)} replayed: they are in the log again.`;
  }
  const { purged } = await calls.purgeMatching({ filter, confirm: count });
  return `${number(purged)} purged.`;
}

const number = (value: number): string => value.toLocaleString('en');
