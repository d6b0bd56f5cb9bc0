// The parts that show a runner's status: with which device it works, how fast, and what happened.

import type { ComponentChildren } from 'preact';
import type { Measured, RunnerPageStatus } from '#core/runner/page-status.ts';
import { Card, Figure } from '../shared/components.tsx';
import { formatBytes, formatCount, formatDevice, formatRate } from '../shared/format.ts';

export function Progress({
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

/** Vectors made, what `children` show, and the speed. */
export function Figures({
  status: { textsEmbedded, textsPerSecond, device, dtype },
  children,
}: {
  readonly status: RunnerPageStatus;
  readonly children: ComponentChildren;
}) {
  return (
    <dl class="card figure-row" data-texts={textsEmbedded}>
      <Figure label="Vectors made" value={formatCount(textsEmbedded)} />
      {children}
      <Figure
        label="Speed"
        value={textsPerSecond > 0 ? formatRate(textsPerSecond) : '–'}
        unit="texts/s"
        {...(device !== null && dtype !== null && { note: `with ${formatDevice(device, dtype)}` })}
      />
    </dl>
  );
}

export function Details({
  status,
  name,
}: {
  readonly status: RunnerPageStatus;
  readonly name: string;
}) {
  const { adapter, softwareAdapter, threads, modelId, memoryBytes, restarts } = status;
  return (
    <Card title="Details">
      <dl class="facts">
        <Fact label="Listed as">{name}</Fact>
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
        {memoryBytes !== null && <Fact label="Memory of the page">{formatBytes(memoryBytes)}</Fact>}
        {restarts > 0 && <Fact label="Restarts">{restarts}</Fact>}
      </dl>
    </Card>
  );
}

export function Measurements({ measured }: { readonly measured: readonly Measured[] }) {
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
export function History({ entries }: { readonly entries: RunnerPageStatus['history'] }) {
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
