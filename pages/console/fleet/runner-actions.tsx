// What can be done to a runner: drain it, disconnect it, keep it out with a reason, or revoke the
// token with which it joined.

import { useState } from 'preact/hooks';
import type { Session } from '../session.ts';
import type { Act, RunnerView } from './fleet-types.ts';

type Asked = 'disconnect' | 'revoke';

type RunnerActionsProps = {
  readonly runner: RunnerView;
  /** As typed, why to keep it out; `null`: nobody is asked. */
  readonly reason: string | null;
  readonly onReason: (reason: string | null) => void;
  readonly session: Session;
  readonly act: Act;
};

export function RunnerActions({ runner, reason, onReason, session, act }: RunnerActionsProps) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const { id, name, trusted, state, join_token: token } = runner;
  const { runners, joinTokens } = session.client;
  const forget = (): void => setAsked(null);
  if (reason !== null)
    return (
      <QuarantineForm
        name={name}
        reason={reason}
        onReason={onReason}
        onSend={() =>
          void act(`${name} is in quarantine: ${reason.trim()}.`, async () => {
            await runners.quarantine(id, { reason: reason.trim() });
            onReason(null);
          })
        }
      />
    );
  if (asked === 'revoke' && token !== null)
    return (
      <Question
        yes={`Revoke the token of ${name}`}
        onLeave={forget}
        onYes={() =>
          void act(`The token of ${name} is revoked: all who joined with it are out.`, () =>
            joinTokens.revoke(token),
          )
        }
      />
    );
  if (asked === 'disconnect')
    return (
      <Question
        yes={`Disconnect ${name}`}
        onLeave={forget}
        onYes={() =>
          void act(`${name} is disconnected; its jobs go to others.`, () => runners.remove(id))
        }
      />
    );
  const look = { class: 'button is-small', type: 'button' } as const;
  return (
    <span class="actions">
      <button
        {...look}
        disabled={state === 'draining'}
        aria-label={`Drain ${name}`}
        onClick={() => void act(`${name} finishes its jobs and leaves.`, () => runners.drain(id))}
      >
        Drain
      </button>
      <button {...look} aria-label={`Disconnect ${name}…`} onClick={() => setAsked('disconnect')}>
        Disconnect…
      </button>
      {!trusted && (
        <button {...look} aria-label={`Quarantine ${name}…`} onClick={() => onReason('')}>
          Quarantine…
        </button>
      )}
      {token !== null && (
        <button
          {...look}
          aria-label={`Revoke the token of ${name}…`}
          onClick={() => setAsked('revoke')}
        >
          Revoke…
        </button>
      )}
    </span>
  );
}

function Question({
  yes,
  onYes,
  onLeave,
}: {
  readonly yes: string;
  readonly onYes: () => void;
  readonly onLeave: () => void;
}) {
  return (
    <span class="actions">
      <button class="button is-small is-danger" type="button" onClick={onYes}>
        {yes}
      </button>
      <button class="button is-small" type="button" onClick={onLeave}>
        Keep
      </button>
    </span>
  );
}

function QuarantineForm({
  name,
  reason,
  onReason,
  onSend,
}: {
  readonly name: string;
  readonly reason: string;
  readonly onReason: (reason: string | null) => void;
  readonly onSend: () => void;
}) {
  return (
    <form
      class="quarantine"
      onSubmit={(event) => {
        event.preventDefault();
        onSend();
      }}
    >
      <label>
        Why {name} is kept out
        <input
          value={reason}
          required
          maxLength={500}
          autocomplete="off"
          onInput={({ currentTarget: { value } }) => onReason(value)}
        />
      </label>
      <span class="actions">
        <button class="button is-small is-danger" type="submit" disabled={reason.trim() === ''}>
          Quarantine
        </button>
        <button class="button is-small" type="button" onClick={() => onReason(null)}>
          Keep
        </button>
      </span>
    </form>
  );
}
