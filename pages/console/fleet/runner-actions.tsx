// What can be done to a runner: drain it, disconnect it, keep it out with a reason, or revoke the
// token with which it joined.

import { useState } from 'preact/hooks';
import type { Session } from '../session.ts';
import type { Act, RunnerView } from './fleet-types.ts';

type Asked = 'disconnect' | 'quarantine' | 'revoke';

export function RunnerActions({
  runner,
  session,
  act,
}: {
  readonly runner: RunnerView;
  readonly session: Session;
  readonly act: Act;
}) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const { id, name, trusted, state, join_token: token } = runner;
  const { runners, joinTokens } = session.client;
  const forget = (): void => setAsked(null);
  if (asked === 'quarantine')
    return (
      <QuarantineForm
        name={name}
        onLeave={forget}
        onReason={(reason) =>
          void act(`${name} is in quarantine: ${reason}.`, () =>
            runners.quarantine(id, { reason }),
          ).then(forget)
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
        <button {...look} aria-label={`Quarantine ${name}…`} onClick={() => setAsked('quarantine')}>
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
  onReason,
  onLeave,
}: {
  readonly name: string;
  readonly onReason: (reason: string) => void;
  readonly onLeave: () => void;
}) {
  const [reason, setReason] = useState('');
  return (
    <form
      class="quarantine"
      onSubmit={(event) => {
        event.preventDefault();
        onReason(reason.trim());
      }}
    >
      <label>
        Why {name} is kept out
        <input
          value={reason}
          required
          maxLength={500}
          autocomplete="off"
          onInput={({ currentTarget: { value } }) => setReason(value)}
        />
      </label>
      <span class="actions">
        <button class="button is-small is-danger" type="submit" disabled={reason.trim() === ''}>
          Quarantine
        </button>
        <button class="button is-small" type="button" onClick={onLeave}>
          Keep
        </button>
      </span>
    </form>
  );
}
