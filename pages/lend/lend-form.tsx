// Asks for what joining needs, says at the field what is wrong with it, and limits the work.

import { useState } from 'preact/hooks';
import { batteryShareMax, type LendProps } from './lending.ts';

export function LendForm({ engine, lending }: LendProps) {
  const { needsCredential, trouble, status, phase } = lending;
  const [credential, setCredential] = useState('');
  const isRetry = !needsCredential && (trouble !== null || status !== null);
  return (
    <form
      class="card ask"
      onSubmit={(event) => {
        event.preventDefault();
        void engine.lend(credential);
      }}
    >
      {needsCredential && (
        <div>
          <label for="credential">Join token or API key</label>
          <input
            id="credential"
            type="password"
            autocomplete="off"
            spellcheck={false}
            maxLength={4096}
            required
            value={credential}
            aria-invalid={trouble !== null}
            aria-describedby="credential-trouble credential-help"
            onInput={({ currentTarget }) => setCredential(currentTarget.value)}
          />
          {trouble !== null && (
            <p class="trouble" role="alert" id="credential-trouble">
              {trouble}
            </p>
          )}
          <p class="hint" id="credential-help">
            Ask whoever runs the gateway for a join token. It stays in this tab and goes only to
            this gateway.
          </p>
        </div>
      )}
      <Throttle engine={engine} lending={lending} />
      <button class="button is-primary" type="submit" disabled={phase === 'asking'}>
        {trouble !== null && isRetry ? 'Try again' : isRetry ? 'Lend it again' : 'Lend this tab'}
      </button>
    </form>
  );
}

const toPercent = (share: number): number => Math.round(share * 100);

export function Throttle({ engine, lending: { share, savesBattery, onBattery } }: LendProps) {
  const isLimited = onBattery === true && savesBattery && share > batteryShareMax;
  return (
    <div class="throttle">
      <label for="share">
        At most <output for="share">{toPercent(share)} %</output> of the time
      </label>
      <input
        id="share"
        type="range"
        min={10}
        max={100}
        step={5}
        value={toPercent(share)}
        onInput={({ currentTarget }) =>
          engine.throttle({ share: currentTarget.valueAsNumber / 100 })
        }
      />
      {onBattery !== null && (
        <label class="check">
          <input
            type="checkbox"
            checked={savesBattery}
            onChange={({ currentTarget }) =>
              engine.throttle({ savesBattery: currentTarget.checked })
            }
          />{' '}
          On battery, at most {toPercent(batteryShareMax)} %
          {isLimited && <span class="quiet"> – applies now</span>}
        </label>
      )}
    </div>
  );
}
