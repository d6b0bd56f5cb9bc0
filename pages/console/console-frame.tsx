// What surrounds every view of the console: navigation, the state of the connection, and the field
// for a key when the gateway asks for one.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Notice, Status } from '../shared/components.tsx';
import icon from '../shared/icon.svg';
import { useStore } from '../shared/observable-store.ts';
import type { Session, SessionState } from './session.ts';

/** The views by path below the gateway's address. */
const views = [
  ['', 'Home'],
  ['search', 'Search'],
  ['fleet', 'Fleet'],
  ['dead-letters', 'Dead letters'],
] as const;
const links = [
  ['lend', 'Lend'],
  ['demo', 'Demo'],
  ['docs', 'API'],
] as const;
export type ViewPath = (typeof views)[number][0];

/** Of the page, as a tab and the history of the browser show it. */
export function titleOf(here: ViewPath): string {
  const name = views.find(([path]) => path === here)?.[1];
  return here === '' || name === undefined ? 'VectorStream' : `${name} – VectorStream`;
}

export function ConsoleFrame({
  session,
  here,
  children,
}: {
  readonly session: Session;
  readonly here: ViewPath;
  readonly children: ComponentChildren;
}) {
  const state = useStore(session.store);
  const isAsked = state.access !== 'open';
  return (
    <div class="frame">
      <header class="bar">
        <img src={icon} alt="" width="28" height="28" />
        <span>VectorStream</span>
        <nav aria-label="Pages">
          {[...views, ...links].map(([path, name]) => (
            <a
              key={path}
              href={path === '' ? './' : path}
              {...(path === here && { 'aria-current': 'page' as const })}
            >
              {name}
            </a>
          ))}
        </nav>
        <Link state={state} onSignOut={() => session.useKey(null)} />
      </header>
      {state.link === 'lost' && state.refusal === null && !isAsked && (
        <Notice tone="bad">
          The gateway has not answered since {clockText(state.lostAt ?? 0)}. This page tries again
          by itself; what you see is from before.
        </Notice>
      )}
      {state.refusal !== null && <Notice tone="warn">{state.refusal}</Notice>}
      <main>
        {isAsked ? (
          <SignIn isRefused={state.access === 'refused'} onKey={(key) => session.useKey(key)} />
        ) : (
          children
        )}
      </main>
    </div>
  );
}

function Link({
  state,
  onSignOut,
}: {
  readonly state: SessionState;
  readonly onSignOut: () => void;
}) {
  const words = { connecting: 'Connecting', live: 'Live', lost: 'Cut off' } as const;
  const tones = { connecting: 'busy', live: 'good', lost: 'bad' } as const;
  return (
    <span class="bar-end">
      {state.access === 'open' && <Status tone={tones[state.link]}>{words[state.link]}</Status>}
      {state.hasKey && (
        <button class="link" type="button" onClick={onSignOut}>
          Sign out
        </button>
      )}
    </span>
  );
}

function SignIn({
  isRefused,
  onKey,
}: {
  readonly isRefused: boolean;
  readonly onKey: (key: string) => void;
}) {
  const [key, setKey] = useState('');
  return (
    <form
      class="card sign-in"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim() !== '') onKey(key.trim());
      }}
    >
      <h1>Sign in</h1>
      <p class="quiet">This gateway asks for an API key. What you see depends on its scope.</p>
      <label>
        API key
        <input
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={key}
          aria-invalid={isRefused}
          aria-describedby="key-help"
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      {isRefused && (
        <Notice tone="bad">The gateway does not accept this key. Check it and try again.</Notice>
      )}
      <button class="button is-primary" type="submit" disabled={key.trim() === ''}>
        Sign in
      </button>
      <p class="hint" id="key-help">
        The key stays in this tab until you close it or sign out, and goes only to this gateway. It
        is one of those in VECTORSTREAM_API_KEY or VECTORSTREAM_API_KEYS.
      </p>
    </form>
  );
}

export const clockText = (ms: number): string => new Date(ms).toLocaleTimeString('en-GB');
