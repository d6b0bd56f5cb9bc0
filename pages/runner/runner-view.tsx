// Shows one status: whether the tab works, with what, how fast, and what happened.

import type { ComponentChildren } from 'preact';
import type { Measured, RunnerPageStatus, PageRunnerState } from '#core/runner/page-status.ts';
import { byteWords, deviceWords, rateWords } from '../shared/format.ts';

const headlines: Readonly<Record<PageRunnerState, string>> = {
  idle: 'Waiting for a token',
  starting: 'Asking the gateway',
  measuring: 'Measuring what is fastest here',
  loading: 'Loading the model',
  connecting: 'Connecting to the gateway',
  working: 'Embedding for the fleet',
  restarting: 'Starting afresh',
  stopped: 'Stopped',
  failed: 'Cannot go on',
};
const tones: Readonly<Record<PageRunnerState, string>> = {
  idle: '',
  starting: 'is-busy',
  measuring: 'is-busy',
  loading: 'is-busy',
  connecting: 'is-busy',
  working: 'is-good',
  restarting: 'is-busy',
  stopped: '',
  failed: 'is-bad',
};

export function RunnerView({
  status,
  onStop,
}: {
  readonly status: RunnerPageStatus;
  readonly onStop: () => void;
}) {
  const isOver = status.state === 'stopped' || status.state === 'failed';
  return (
    <main>
      <header class="head">
        <div>
          <p class={`state ${tones[status.state]}`} id="state" data-state={status.state}>
            {headlines[status.state]}
          </p>
          <h1>{status.name}</h1>
        </div>
        {isOver ? (
          <button class="button is-primary" type="button" onClick={() => location.reload()}>
            Start again
          </button>
        ) : (
          <button class="button" type="button" onClick={onStop}>
            Leave the fleet
          </button>
        )}
      </header>
      {status.state === 'failed' && (
        <p class="trouble" role="alert">
          {status.lastError}
        </p>
      )}
      {status.progress !== null && <Progress {...status.progress} />}
      <dl class="figures">
        <Figure label="Texts embedded">{status.textsEmbedded.toLocaleString('en')}</Figure>
        <Figure label="Texts a second">
          {status.textsPerSecond > 0 ? rateWords(status.textsPerSecond) : '–'}
        </Figure>
        <Figure label="Embeds with">
          {status.device === null || status.dtype === null
            ? '–'
            : deviceWords(status.device, status.dtype)}
        </Figure>
      </dl>
      <section class="card">
        <dl class="facts">
          <Fact label="Graphics">
            {status.adapter === null
              ? 'no WebGPU in this browser'
              : status.softwareAdapter
                ? `${status.adapter} (a software adapter)`
                : status.adapter}
          </Fact>
          <Fact label="WebAssembly">
            {status.crossOriginIsolated
              ? `${status.threads} ${status.threads === 1 ? 'thread' : 'threads'}`
              : '1 thread: the page is not isolated'}
          </Fact>
          <Fact label="Model">{status.modelId ?? '–'}</Fact>
          {status.memoryBytes !== null && (
            <Fact label="Memory">{byteWords(status.memoryBytes)}</Fact>
          )}
          {status.restarts > 0 && <Fact label="Fresh starts">{status.restarts}</Fact>}
        </dl>
      </section>
      {status.measured.length > 0 && <Choice measured={status.measured} />}
      <section class="card">
        <h2>What happened</h2>
        <ol class="history" aria-live="polite">
          {status.history.toReversed().map(({ at, text }) => (
            <li key={`${at} ${text}`}>
              <time dateTime={new Date(at).toISOString()}>{new Date(at).toLocaleTimeString()}</time>
              <span>{text}</span>
            </li>
          ))}
        </ol>
      </section>
      <p class="hint">
        Keep this tab visible: browsers slow down, and may put to sleep, what nobody sees. Close it
        at any time; what it has in work goes elsewhere.
      </p>
    </main>
  );
}

function Progress({
  loadedBytes,
  totalBytes,
}: {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}) {
  return (
    <div class="card loading">
      <progress value={loadedBytes} max={totalBytes} />
      <span>
        {loadedBytes < totalBytes
          ? `${byteWords(loadedBytes)} of ${byteWords(totalBytes)}`
          : `${byteWords(totalBytes)} loaded; proving the vectors and measuring …`}
      </span>
    </div>
  );
}

function Choice({ measured }: { readonly measured: readonly Measured[] }) {
  const best = Math.max(
    ...measured.map((candidate) => (candidate.ok ? candidate.textsPerSecond : 0)),
  );
  return (
    <section class="card">
      <h2>Measured in this browser</h2>
      <dl class="measured">
        {measured.map((candidate) => (
          <>
            <dt>{deviceWords(candidate.device, candidate.dtype)}</dt>
            {candidate.ok ? (
              <>
                <dd>
                  <meter min={0} max={best} value={candidate.textsPerSecond} />
                </dd>
                <dd class="rate">{rateWords(candidate.textsPerSecond)} a second</dd>
              </>
            ) : (
              <dd class="reason hint">{candidate.reason}</dd>
            )}
          </>
        ))}
      </dl>
    </section>
  );
}

function Figure({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="card">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Fact({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
