// Compares WebGPU with WebAssembly on the same texts, one after the other, each in a worker that
// has proven its vectors.

import { at } from '#core/errors/assert.ts';
import type { EmbedderInfo } from '#core/ports.ts';
import { cosine } from '#core/vectors/vector.ts';
import type { Adapter } from '../shared/embedding/gpu-adapter.ts';
import { Store } from '../shared/observable-store.ts';
import { deviceName, messageOf } from './describe-session.ts';
import { formatFigure, plural } from './format-figures.ts';
import type { SessionChoice, WorkbenchDependencies } from './workbench.ts';

export type Side = {
  readonly state: 'waiting' | 'loading' | 'measuring' | 'done' | 'unavailable' | 'failed';
  /** Why it is unavailable or has failed. */
  readonly reason: string | null;
  readonly info: EmbedderInfo | null;
  readonly textsPerSecond: number | null;
  readonly msPerText: number | null;
};

export type Comparison = {
  readonly isRunning: boolean;
  readonly texts: number;
  /** `null` before the first run. */
  readonly sides: { readonly webgpu: Side; readonly wasm: Side } | null;
  readonly verdict: string | null;
};

export type ComparisonDependencies = Pick<WorkbenchDependencies, 'start' | 'now'> & {
  readonly adapter: () => Promise<Adapter | null>;
  readonly choiceFor: (device: 'webgpu' | 'wasm') => Promise<Pick<SessionChoice, 'dtype'>>;
  /** Whether this page is a secure context: browsers give WebGPU to no other. */
  readonly isSecure: boolean;
};

/** Enough to fill a GPU. */
const textsMax = 256;
/** A processor that emulates a GPU takes about a second for each text. */
const softwareTextsMax = 4;
const waiting: Side = {
  state: 'waiting',
  reason: null,
  info: null,
  textsPerSecond: null,
  msPerText: null,
};

export class ComparisonEngine {
  readonly store = new Store<Comparison>({
    isRunning: false,
    texts: 0,
    sides: null,
    verdict: null,
  });
  readonly #dependencies: ComparisonDependencies;
  #stop = new AbortController();

  constructor(dependencies: ComparisonDependencies) {
    this.#dependencies = dependencies;
  }

  stop(): void {
    this.#stop.abort(new Error('Stopped.'));
  }

  /** Does nothing while it runs already. Never rejects: a failure is shown on its side. */
  async run(list: readonly string[]): Promise<void> {
    if (this.store.value.isRunning) return;
    this.#stop = new AbortController();
    this.store.set({
      isRunning: true,
      texts: 0,
      sides: { webgpu: waiting, wasm: waiting },
      verdict: null,
    });
    const { adapter: findAdapter, isSecure } = this.#dependencies;
    const adapter = await findAdapter();
    const texts = list.slice(0, adapter?.software === true ? softwareTextsMax : textsMax);
    this.store.set({ texts: texts.length });
    if (adapter === null)
      this.#setSide('webgpu', { state: 'unavailable', reason: absence(isSecure) });
    const webgpu =
      adapter === null ? null : await this.#measure('webgpu', texts, !adapter.software);
    const wasm = await this.#measure('wasm', texts, true);
    this.store.set({ isRunning: false, verdict: this.#verdict(webgpu, wasm) });
  }

  /** Resolves with the vectors, or with `null` after a failure. */
  async #measure(
    device: 'webgpu' | 'wasm',
    texts: readonly string[],
    withWarmUp: boolean,
  ): Promise<readonly Float32Array[] | null> {
    const { signal } = this.#stop;
    try {
      this.#setSide(device, { state: 'loading' });
      const { dtype } = await this.#dependencies.choiceFor(device);
      const embedding = await this.#dependencies.start(
        { device, dtype, threads: 0, measureMs: null, onProgress: () => undefined },
        signal,
      );
      const stop = (): void => embedding.dispose();
      signal.addEventListener('abort', stop, { once: true });
      try {
        this.#setSide(device, { state: 'measuring', info: embedding.info });
        // The first round also compiles shaders and allocates memory for these shapes, only once.
        if (withWarmUp) await embedding.embed(texts);
        const startedAt = this.#dependencies.now();
        const outcomes = await embedding.embed(texts);
        const ms = Math.max(0.1, this.#dependencies.now() - startedAt);
        this.#setSide(device, {
          state: 'done',
          textsPerSecond: (texts.length * 1000) / ms,
          msPerText: ms / texts.length,
        });
        return outcomes.flatMap((outcome) => (outcome.ok ? [outcome.vector] : []));
      } finally {
        signal.removeEventListener('abort', stop);
        embedding.dispose();
      }
    } catch (error) {
      this.#setSide(device, {
        state: 'failed',
        reason: signal.aborted ? 'Stopped.' : messageOf(error),
      });
      return null;
    }
  }

  #setSide(device: 'webgpu' | 'wasm', changes: Partial<Side>): void {
    const { sides } = this.store.value;
    if (sides !== null)
      this.store.set({ sides: { ...sides, [device]: { ...sides[device], ...changes } } });
  }

  /** A sentence on speed and agreement; `null` unless both sides succeeded. */
  #verdict(
    webgpuVectors: readonly Float32Array[] | null,
    wasmVectors: readonly Float32Array[] | null,
  ): string | null {
    const { sides, texts } = this.store.value;
    const webgpu = sides?.webgpu.textsPerSecond ?? null;
    const wasm = sides?.wasm.textsPerSecond ?? null;
    if (webgpu === null || wasm === null || webgpuVectors === null || wasmVectors === null)
      return null;
    const [fast, slow, ratio] =
      webgpu >= wasm ? ['webgpu', 'wasm', webgpu / wasm] : ['wasm', 'webgpu', wasm / webgpu];
    const agreement = meanCosine(webgpuVectors, wasmVectors);
    return [
      `${deviceName(fast)} is ${formatFigure(ratio)} times as fast as ${deviceName(slow)} here.`,
      sides?.webgpu.info?.softwareAdapter === true
        ? 'The processor emulates WebGPU in this browser, so ' +
          `only ${plural(texts, 'text')} were measured; a real GPU is far faster.`
        : '',
      agreement === null
        ? ''
        : 'Both found the same meaning: ' +
          `their vectors agree to ${agreement.toFixed(4)} (cosine).`,
    ]
      .filter((sentence) => sentence !== '')
      .join(' ');
  }
}

/** `null` when one side has no vector for some text. */
function meanCosine(a: readonly Float32Array[], b: readonly Float32Array[]): number | null {
  if (a.length !== b.length) return null;
  return a.reduce((sum, vector, index) => sum + cosine(vector, at(b, index)), 0) / a.length;
}

function absence(isSecure: boolean): string {
  return isSecure
    ? 'This browser offers no WebGPU adapter: WebGPU is switched off, the GPU is not supported, ' +
        'or there is none. WebAssembly does the work instead.'
    : 'Browsers offer WebGPU to secure pages only: open this page over HTTPS, ' +
        "or as localhost on the gateway's own machine.";
}
