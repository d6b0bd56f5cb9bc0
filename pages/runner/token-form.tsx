// Asks a person for the token with which a tab joins the fleet.

import { useState } from 'preact/hooks';
import { runnerToken } from '../shared/tab-secrets.ts';

export function TokenForm({ onToken }: { readonly onToken: (token: string) => void }) {
  const [token, setToken] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    const given = token.trim();
    if (given === '') return;
    runnerToken.write(given);
    onToken(given);
  };
  return (
    <main>
      <header class="head">
        <div>
          <h1>Lend this tab</h1>
          <p class="lead">
            This tab turns texts into vectors for a VectorStream gateway, with this computer's GPU
            or processor. You can close it at any time: another runner takes over its work.
          </p>
        </div>
      </header>
      <form class="card ask" onSubmit={submit}>
        <label>
          Runner token
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={token}
            placeholder="from the person who runs the gateway"
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <button class="button is-primary" type="submit" disabled={token.trim() === ''}>
          Lend this tab
        </button>
        <p class="hint">
          The token is stored in this tab only. The browser sends it only to this gateway: to check
          it, and to join the fleet.
        </p>
      </form>
    </main>
  );
}
