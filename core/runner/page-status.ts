// What a page that embeds for a fleet says about itself: to the person in front of it, and to the
// supervisor of a headless browser.

import type { EmbedderInfo } from '#core/ports.ts';

export type PageRunnerState =
  /** No token yet: a person has to give one. */
  | 'idle'
  /** Asks the gateway for its model, and whether the token is good. */
  | 'starting'
  /** Tries candidates, each in a fresh worker. */
  | 'measuring'
  /** A worker loads the chosen model and proves its vectors. */
  | 'loading'
  /** Has a proved model, and no connection to the gateway. */
  | 'connecting'
  /** Joined: embeds whatever comes. */
  | 'working'
  /** A worker failed; a fresh one starts after a while. */
  | 'restarting'
  /** Left in order: told to, or drained by its gateway. Final. */
  | 'stopped'
  /** Cannot go on by itself; `lastError` says why and what to do. Final. */
  | 'failed';

/** A candidate that was tried. */
export type Measured =
  | {
      readonly device: Device;
      readonly dtype: string;
      readonly ok: true;
      readonly textsPerSecond: number;
      readonly golden: string;
    }
  | {
      readonly device: Device;
      readonly dtype: string;
      readonly ok: false;
      readonly reason: string;
    };

type Device = EmbedderInfo['device'];

/** `window.vectorstream.status` of the runner page: plain data, a new object at every change. */
export type RunnerPageStatus = {
  readonly state: PageRunnerState;
  /** UTC ms since when it is in this state. */
  readonly since: number;
  readonly name: string;
  /** Of the session in use; `null` before one is loaded. */
  readonly device: Device | null;
  readonly dtype: string | null;
  /** What the GPU calls itself, also when WASM is used; `null` without WebGPU. */
  readonly adapter: string | null;
  readonly softwareAdapter: boolean;
  /** Of the WASM runtime; 1 without cross-origin isolation. */
  readonly threads: number;
  readonly crossOriginIsolated: boolean;
  readonly modelId: string | null;
  readonly modelRevision: string | null;
  /**
   * In order of trial; empty when there was nothing to choose, or when an earlier visit's choice
   * holds.
   */
  readonly measured: readonly Measured[];
  /** While files are loaded. */
  readonly progress: { readonly loadedBytes: number; readonly totalBytes: number } | null;
  /** As the gateway knows this connection in `GET /runners`. */
  readonly runnerId: string | null;
  /** Counted since the page was opened, golden texts included. */
  readonly textsEmbedded: number;
  readonly jobsDone: number;
  /** Of the jobs of the last minute; before the first, as measured at warm-up. */
  readonly textsPerSecond: number;
  /** UTC ms of the last answered job. */
  readonly lastJobAt: number | null;
  /** Workers that failed and were replaced. */
  readonly restarts: number;
  /** In plain words; `null` when nothing went wrong so far. */
  readonly lastError: string | null;
  /** What happened, in plain words, newest last, at most 50. */
  readonly history: readonly { readonly at: number; readonly text: string }[];
  /** Page and workers together where the browser tells it, bytes. */
  readonly memoryBytes: number | null;
};

/** `window.vectorstream`. */
export type RunnerPage = {
  readonly status: RunnerPageStatus;
  /** Finishes what is in hand and leaves the fleet; resolves when the state is final. */
  stop(): Promise<void>;
};

/**
 * `startRunner(options)` in `./runner.ts` lends the page to its gateway until it is stopped; it
 * never rejects: the status says what happened.
 */
export type RunnerOptions = {
  readonly token: string;
  /** For people, in `GET /runners`. */
  readonly name: string;
  /**
   * `auto`: the fastest right one wins. Whatever is forced is the only thing tried, a software
   * adapter too.
   */
  readonly device: 'auto' | 'webgpu' | 'wasm';
  readonly dtype: string;
  /** Of the WASM runtime; 0 chooses. */
  readonly threads: number;
  /** Share of its time, 0 < share ≤ 1, that it works: rest for the battery. */
  readonly share: number;
  readonly onStatus: (status: RunnerPageStatus) => void;
};

export type RunnerHandle = RunnerPage & { setShare(share: number): void };

declare global {
  interface Window {
    vectorstream?: RunnerPage;
  }
}
