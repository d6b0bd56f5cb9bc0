// One click to lend the tab to the fleet, what it has done there, how hard it may work, and one
// click to leave.

import { useState } from 'preact/hooks';
import type { RunnerPageStatus } from '#core/runner/page-status.ts';
import { counted, figure, megabytes, percent } from './format-figures.ts';
import { batteryShare, type Lending, type LendingEngine } from './lending.ts';
import { useStore } from './observable-store.ts';
import { nameOf } from './workbench.ts';

export function LendingPanel({ engine }: { readonly engine: LendingEngine }) {
  const lending = useStore(engine.store);
  const { phase, needsCredential, trouble, status, share, sparesBattery, onBattery } = lending;
  const [credential, setCredential] = useState('');
  const isIdle = phase === 'idle';
  return (
    <section class="card" aria-labelledby="lend-title" data-lending={phase}>
      <h2 id="lend-title">Lend this tab</h2>
      <p>
        Joins this gateway's fleet: the tab embeds texts of its event stream until you leave or
        close it. Your own list stays yours.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void engine.lend(credential);
        }}
      >
        {needsCredential && isIdle && (
          <>
            <label for="credential">Join token or API key</label>
            <input
              id="credential"
              type="password"
              autocomplete="off"
              spellcheck={false}
              maxLength={4096}
              required
              value={credential}
              onInput={({ currentTarget }) => setCredential(currentTarget.value)}
            />
          </>
        )}
        <div class="actions">
          {phase === 'idle' || phase === 'asking' ? (
            <button type="submit" class="button is-primary" disabled={!isIdle}>
              Lend this tab
            </button>
          ) : (
            <button
              type="button"
              class="button"
              disabled={phase === 'leaving'}
              onClick={() => void engine.leave()}
            >
              {phase === 'leaving' ? 'Leaving…' : 'Leave the fleet'}
            </button>
          )}
        </div>
      </form>
      <p role="status" class={status === null && phase === 'idle' ? 'visually-hidden' : ''}>
        {said(lending)}
      </p>
      {trouble !== null && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      {status !== null && <Work status={status} />}
      <div class="throttle">
        <label for="share">
          Work at most <output for="share">{percent(share)} %</output> of the time
        </label>
        <input
          id="share"
          type="range"
          min={10}
          max={100}
          step={5}
          value={percent(share)}
          onInput={({ currentTarget }) =>
            engine.throttle({ share: currentTarget.valueAsNumber / 100 })
          }
        />
        {onBattery !== null && (
          <label class="check">
            <input
              type="checkbox"
              checked={sparesBattery}
              onChange={({ currentTarget }) =>
                engine.throttle({ sparesBattery: currentTarget.checked })
              }
            />{' '}
            On battery, at most {percent(batteryShare)} %
            {onBattery && sparesBattery && share > batteryShare && (
              <span class="quiet"> – in force now</span>
            )}
          </label>
        )}
      </div>
    </section>
  );
}

function Work({ status }: { readonly status: RunnerPageStatus }) {
  const { textsEmbedded, textsPerSecond, device, dtype } = status;
  return (
    <dl class="facts">
      <div>
        <dt>Texts embedded</dt>
        <dd data-texts={textsEmbedded}>
          <b>{textsEmbedded.toLocaleString('en')}</b>
        </dd>
      </div>
      <div>
        <dt>Speed</dt>
        <dd>
          {textsPerSecond === 0 ? (
            '–'
          ) : (
            <>
              <b>{figure(textsPerSecond)}</b> texts/s
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>Runs on</dt>
        <dd>
          {device === null ? (
            '–'
          ) : (
            <>
              <b>{nameOf(device)}</b> {dtype}
            </>
          )}
        </dd>
      </div>
    </dl>
  );
}

function said({ phase, status }: Lending): string {
  if (phase === 'asking') return 'Asking the gateway for a join token…';
  if (phase === 'leaving') return 'Finishing what is in hand…';
  if (phase === 'idle')
    return status === null
      ? ''
      : `Left the fleet after ${counted(status.textsEmbedded, 'text')}. Thank you.`;
  switch (status?.state) {
    case 'measuring':
      return 'Trying what this machine does best…';
    case 'loading':
      return status.progress === null
        ? 'Loading the model…'
        : `Loading the model: ${megabytes(status.progress.loadedBytes)} of ${megabytes(status.progress.totalBytes)} MB`;
    case 'connecting':
      return 'Joining the fleet…';
    case 'working':
      return 'In the fleet. Keep this tab open; in the background it may work more slowly.';
    case 'restarting':
      return `${status.lastError ?? 'The worker failed.'} A fresh one starts soon.`;
    default:
      return 'Starting…';
  }
}
