// Offers a button that compares WebGPU with WebAssembly, and shows both results as bars on one
// scale.

import { useStore } from '../shared/observable-store.ts';
import type { ComparisonEngine, Side } from './comparison.ts';
import { adapterName, deviceName } from './describe-session.ts';
import { formatFigure, plural } from './format-figures.ts';

const stateTexts: Readonly<Record<Side['state'], string>> = {
  waiting: 'Waiting for its turn',
  loading: 'Loading the model and checking its vectors…',
  measuring: 'Embedding…',
  done: '',
  unavailable: 'Not available',
  failed: 'Failed',
};

export function ComparisonPanel({
  engine,
  texts,
}: {
  readonly engine: ComparisonEngine;
  readonly texts: readonly string[];
}) {
  const { isRunning, sides, verdict, texts: measured } = useStore(engine.store);
  const best = Math.max(sides?.webgpu.textsPerSecond ?? 0, sides?.wasm.textsPerSecond ?? 0);
  return (
    <section class="card" aria-labelledby="compare-title">
      <h2 id="compare-title">WebGPU or WebAssembly?</h2>
      <p>
        Embeds the same texts with both. Each runs in a fresh worker, which first has to prove that
        its vectors are right.
      </p>
      <div class="actions">
        {isRunning ? (
          <button type="button" class="button" onClick={() => engine.stop()}>
            Stop
          </button>
        ) : (
          <button
            type="button"
            class="button"
            disabled={texts.length === 0}
            onClick={() => void engine.run(texts)}
          >
            Compare on this machine
          </button>
        )}
      </div>
      {sides !== null && (
        <ul class="sides">
          {(['webgpu', 'wasm'] as const).map((device) => (
            <SideRow key={device} device={device} side={sides[device]} best={best} />
          ))}
        </ul>
      )}
      <p class="verdict" role="status">
        {verdict ?? (isRunning && measured > 0 ? `On ${plural(measured, 'text')}.` : '')}
      </p>
    </section>
  );
}

function SideRow({
  device,
  side,
  best,
}: {
  readonly device: 'webgpu' | 'wasm';
  readonly side: Side;
  readonly best: number;
}) {
  const { state, info, textsPerSecond, msPerText, reason } = side;
  return (
    <li class="side" data-device={device} data-state={state}>
      <p class="side-name">
        <strong>{deviceName(device)}</strong>
        {info !== null && (
          <span class="quiet">
            {' '}
            {info.dtype}, {adapterName(info)}
          </span>
        )}
      </p>
      {textsPerSecond === null || msPerText === null ? (
        <p class={state === 'failed' ? 'trouble' : 'hint'}>
          {stateTexts[state]}
          {reason !== null && <>: {reason}</>}
        </p>
      ) : (
        <p class="side-speed">
          <meter min={0} max={best} value={textsPerSecond} aria-hidden="true" />
          <span>
            <b>{formatFigure(textsPerSecond)}</b> texts/s, {formatFigure(msPerText)} ms a text
          </span>
        </p>
      )}
    </li>
  );
}
