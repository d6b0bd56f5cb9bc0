// Shows a runner's status: whether the tab works, with which device, how fast, and what happened.

import type { ComponentChildren } from 'preact';
import type { Measured, RunnerPageStatus, PageRunnerState } from '#core/runner/page-status.ts';
import { formatBytes, formatCount, formatDevice, formatRate } from '../shared/format.ts';

const headlines: Readonly<Record<PageRunnerState, string>> = {
  idle: 'Waiting for a token',
  starting: 'Asking the gateway',
  measuring: 'Measuring what is fastest here',
  loading: 'Loading the model',
  connecting: 'Connecting to the gateway',
  working: 'Embedding for the fleet',
  restarting: 'Starting again',
  stopped: 'Stopped',
  failed: 'Cannot continue',
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
  return (
    <main>
      <Head status={status} onStop={onStop} />
      {status.state === 'failed' && (
        <p class="trouble" role="alert">
          {status.lastError}
        </p>
      )}
      {status.progress !== null && <Progress {...status.progress} />}
      <Figures status={status} />
      <Facts status={status} />
      {status.measured.length > 0 && <Measurements measured={status.measured} />}
      <History entries={status.history} />
      <p class="hint">
        Keep this tab visible: browsers slow down hidden tabs and may put them to sleep. You can
        close it at any time: another runner takes over its work.
      </p>
    </main>
  );
}

function Head({ status, onStop }: Parameters<typeof RunnerView>[0]) {
  const isOver = status.state === 'stopped' || status.state === 'failed';
  return (
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
          ? `${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}`
          : `${formatBytes(totalBytes)} loaded; checking the vectors and measuring…`}
      </span>
    </div>
  );
}

function Figures({ status }: { readonly status: RunnerPageStatus }) {
  const { textsEmbedded, textsPerSecond, device, dtype } = status;
  return (
    <dl class="figures">
      <Figure label="Texts embedded">{formatCount(textsEmbedded)}</Figure>
      <Figure label="Texts a second">
        {textsPerSecond > 0 ? formatRate(textsPerSecond) : '–'}
      </Figure>
      <Figure label="Embeds with">
        {device === null || dtype === null ? '–' : formatDevice(device, dtype)}
      </Figure>
    </dl>
  );
}

function Facts({ status }: { readonly status: RunnerPageStatus }) {
  const { adapter, softwareAdapter, threads, modelId, memoryBytes, restarts } = status;
  return (
    <section class="card">
      <dl class="facts">
        <Fact label="Graphics">
          {adapter === null
            ? 'no WebGPU in this browser'
            : softwareAdapter
              ? `${adapter} (a software adapter)`
              : adapter}
        </Fact>
        <Fact label="WebAssembly">
          {status.crossOriginIsolated
            ? `${threads} ${threads === 1 ? 'thread' : 'threads'}`
            : '1 thread: the page is not isolated'}
        </Fact>
        <Fact label="Model">{modelId ?? '–'}</Fact>
        {memoryBytes !== null && <Fact label="Memory">{formatBytes(memoryBytes)}</Fact>}
        {restarts > 0 && <Fact label="Restarts">{restarts}</Fact>}
      </dl>
    </section>
  );
}

function Measurements({ measured }: { readonly measured: readonly Measured[] }) {
  const best = Math.max(
    ...measured.map((candidate) => (candidate.ok ? candidate.textsPerSecond : 0)),
  );
  return (
    <section class="card">
      <h2>Measured in this browser</h2>
      <dl class="measured">
        {measured.map((candidate) => (
          <>
            <dt>{formatDevice(candidate.device, candidate.dtype)}</dt>
            {candidate.ok ? (
              <>
                <dd>
                  <meter min={0} max={best} value={candidate.textsPerSecond} />
                </dd>
                <dd class="rate">{formatRate(candidate.textsPerSecond)} a second</dd>
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

/** Newest first. */
function History({ entries }: { readonly entries: RunnerPageStatus['history'] }) {
  return (
    <section class="card">
      <h2>What happened</h2>
      <ol class="history" aria-live="polite">
        {entries.toReversed().map(({ at, text }) => (
          <li key={`${at} ${text}`}>
            <time dateTime={new Date(at).toISOString()}>{new Date(at).toLocaleTimeString()}</time>
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

type LabelledProps = { readonly label: string; readonly children: ComponentChildren };

function Figure({ label, children }: LabelledProps) {
  return (
    <div class="card">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Fact({ label, children }: LabelledProps) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
