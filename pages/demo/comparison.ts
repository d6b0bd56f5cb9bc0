// WebGPU against WebAssembly on the same texts, one after the other, each in a fresh worker whose
// vectors are proved first.

import type { EmbedderInfo } from '#core/ports.ts';
import { cosine } from '#core/vectors/vector.ts';
import type { Adapter } from '../shared/embedding/gpu-adapter.ts';
import { counted, figure } from './format-figures.ts';
import { Store } from './observable-store.ts';
import { nameOf, reasonOf, type SessionChoice, type WorkbenchParts } from './workbench.ts';

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

export type ComparisonParts = Pick<WorkbenchParts, 'start' | 'now'> & {
  readonly adapter: () => Promise<Adapter | null>;
  readonly choiceFor: (device: 'webgpu' | 'wasm') => Promise<Pick<SessionChoice, 'dtype'>>;
  /** Whether this page may have WebGPU at all: browsers give it to secure pages only. */
  readonly isSecure: boolean;
};

/** Enough to fill a GPU; a processor that emulates one takes about a second for a single text. */
const textsMax = 256;
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
  readonly #parts: ComparisonParts;
  #stop = new AbortController();

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stop.abort(new Error('Stopped.'));
  }

  /** One at a time. Never rejects: what fails is told on its side. */
  async run(list: readonly string[]): Promise<void> {
    if (this.store.value.isRunning) return;
    this.#stop = new AbortController();
    this.store.set({
      isRunning: true,
      texts: 0,
      sides: { webgpu: waiting, wasm: waiting },
      verdict: null,
    });
    const adapter = await this.#parts.adapter();
    const texts = list.slice(0, adapter?.software === true ? softwareTextsMax : textsMax);
    this.store.set({ texts: texts.length });
    if (adapter === null)
      this.#tell('webgpu', { state: 'unavailable', reason: absence(this.#parts.isSecure) });
    const gpu = adapter === null ? null : await this.#measure('webgpu', texts, !adapter.software);
    const processor = await this.#measure('wasm', texts, true);
    this.store.set({ isRunning: false, verdict: this.#verdict(gpu, processor) });
  }

  /** The vectors; `null` when it failed. */
  async #measure(
    device: 'webgpu' | 'wasm',
    texts: readonly string[],
    withRehearsal: boolean,
  ): Promise<readonly Float32Array[] | null> {
    const { signal } = this.#stop;
    try {
      this.#tell(device, { state: 'loading' });
      const { dtype } = await this.#parts.choiceFor(device);
      const embedding = await this.#parts.start(
        { device, dtype, threads: 0, measureMs: 0, onProgress: () => undefined },
        signal,
      );
      const stop = (): void => embedding.dispose();
      signal.addEventListener('abort', stop, { once: true });
      try {
        this.#tell(device, { state: 'measuring', info: embedding.info });
        // The first round compiles shaders and grows memory for these shapes; that is paid once.
        if (withRehearsal) await embedding.embed(texts);
        const startedAt = this.#parts.now();
        const outcomes = await embedding.embed(texts);
        const ms = Math.max(0.1, this.#parts.now() - startedAt);
        this.#tell(device, {
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
      this.#tell(device, {
        state: 'failed',
        reason: signal.aborted ? 'Stopped.' : reasonOf(error),
      });
      return null;
    }
  }

  #tell(device: 'webgpu' | 'wasm', changes: Partial<Side>): void {
    const { sides } = this.store.value;
    if (sides !== null)
      this.store.set({ sides: { ...sides, [device]: { ...sides[device], ...changes } } });
  }

  #verdict(
    gpu: readonly Float32Array[] | null,
    processor: readonly Float32Array[] | null,
  ): string | null {
    const { sides } = this.store.value;
    const [left, right] = [
      sides?.webgpu.textsPerSecond ?? null,
      sides?.wasm.textsPerSecond ?? null,
    ];
    if (left === null || right === null || gpu === null || processor === null) return null;
    const [fast, slow, times] =
      left >= right ? ['webgpu', 'wasm', left / right] : ['wasm', 'webgpu', right / left];
    const likeness =
      gpu.length === processor.length
        ? gpu.reduce((sum, vector, index) => sum + cosine(vector, processor[index] ?? vector), 0) /
          gpu.length
        : null;
    return [
      `${nameOf(fast)} is ${figure(times)} times as fast as ${nameOf(slow)} here.`,
      sides?.webgpu.info?.softwareAdapter === true
        ? `This WebGPU is emulated by the processor, so only ${counted(this.store.value.texts, 'text')} were measured; a real GPU is far quicker.`
        : '',
      likeness === null
        ? ''
        : `Both found the same meaning: their vectors agree to ${likeness.toFixed(4)} (cosine).`,
    ]
      .filter((sentence) => sentence !== '')
      .join(' ');
  }
}

function absence(isSecure: boolean): string {
  return isSecure
    ? 'This browser offers no WebGPU adapter: it is switched off, the GPU is not supported, or there is none. WebAssembly does the work instead.'
    : 'Browsers offer WebGPU to secure pages only: open this page over HTTPS, or on the machine of the gateway itself as localhost.';
}
