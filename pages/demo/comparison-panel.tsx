// One button that measures WebGPU and WebAssembly side by side, and the two results as bars of one
// scale.

import type { ComparisonEngine, Side } from './comparison.ts';
import { counted, figure } from './format-figures.ts';
import { useStore } from './observable-store.ts';
import { nameOf, placeOf } from './workbench.ts';

const said: Readonly<Record<Side['state'], string>> = {
  waiting: 'Waits for its turn',
  loading: 'Loads, and proves its vectors…',
  measuring: 'Embeds…',
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
        Embeds the same texts with both, each in a fresh worker that first has to prove its vectors
        right.
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
        {verdict ?? (isRunning && measured > 0 ? `On ${counted(measured, 'text')}.` : '')}
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
        <strong>{nameOf(device)}</strong>
        {info !== null && (
          <span class="quiet">
            {' '}
            {info.dtype}, {placeOf(info)}
          </span>
        )}
      </p>
      {textsPerSecond === null || msPerText === null ? (
        <p class={state === 'failed' ? 'trouble' : 'hint'}>
          {said[state]}
          {reason !== null && <>: {reason}</>}
        </p>
      ) : (
        <p class="side-speed">
          <meter min={0} max={best} value={textsPerSecond} aria-hidden="true" />
          <span>
            <b>{figure(textsPerSecond)}</b> texts/s, {figure(msPerText)} ms a text
          </span>
        </p>
      )}
    </li>
  );
}
