// Offers one click to lend the tab to the fleet and one to leave, shows what the tab has embedded,
// and lets the person limit how much it works.

import { useState } from 'preact/hooks';
import type { RunnerPageStatus } from '#core/runner/page-status.ts';
import { formatCount } from '../shared/format.ts';
import { useStore } from '../shared/observable-store.ts';
import { deviceName } from './describe-session.ts';
import { formatFigure, formatMegabytes, plural, toPercent } from './format-figures.ts';
import { batteryShareMax, type Lending, type LendingEngine } from './lending.ts';

type LendingProps = { readonly engine: LendingEngine; readonly lending: Lending };

export function LendingPanel({ engine }: { readonly engine: LendingEngine }) {
  const lending = useStore(engine.store);
  const { phase, trouble, status } = lending;
  return (
    <section class="card" aria-labelledby="lend-title" data-lending={phase}>
      <h2 id="lend-title">Lend this tab</h2>
      <p>
        Joins this gateway's fleet: the tab embeds texts of the gateway's event stream until you
        leave or close it. Your own list stays on this device.
      </p>
      <LendingForm engine={engine} lending={lending} />
      <p role="status" class={status === null && phase === 'idle' ? 'visually-hidden' : ''}>
        {statusText(lending)}
      </p>
      {trouble !== null && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      {status !== null && <Work status={status} />}
      <Throttle engine={engine} lending={lending} />
    </section>
  );
}

function LendingForm({ engine, lending: { phase, needsCredential } }: LendingProps) {
  const [credential, setCredential] = useState('');
  const isIdle = phase === 'idle';
  return (
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
  );
}

function Work({ status }: { readonly status: RunnerPageStatus }) {
  const { textsEmbedded, textsPerSecond, device, dtype } = status;
  return (
    <dl class="facts">
      <div>
        <dt>Texts embedded</dt>
        <dd data-texts={textsEmbedded}>
          <b>{formatCount(textsEmbedded)}</b>
        </dd>
      </div>
      <div>
        <dt>Speed</dt>
        <dd>
          {textsPerSecond === 0 ? (
            '–'
          ) : (
            <>
              <b>{formatFigure(textsPerSecond)}</b> texts/s
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
              <b>{deviceName(device)}</b> {dtype}
            </>
          )}
        </dd>
      </div>
    </dl>
  );
}

function Throttle({ engine, lending: { share, savesBattery, onBattery } }: LendingProps) {
  const isLimited = onBattery === true && savesBattery && share > batteryShareMax;
  return (
    <div class="throttle">
      <label for="share">
        Work at most <output for="share">{toPercent(share)} %</output> of the time
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

function statusText({ phase, status }: Lending): string {
  if (phase === 'asking') return 'Asking the gateway for a join token…';
  if (phase === 'leaving') return 'Finishing the work in progress…';
  if (phase === 'idle')
    return status === null
      ? ''
      : `Left the fleet after ${plural(status.textsEmbedded, 'text')}. Thank you.`;
  switch (status?.state) {
    case 'measuring':
      return 'Measuring what is fastest on this machine…';
    case 'loading':
      return status.progress === null
        ? 'Loading the model…'
        : `Loading the model: ${formatMegabytes(status.progress.loadedBytes)} ` +
            `of ${formatMegabytes(status.progress.totalBytes)} MB`;
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
