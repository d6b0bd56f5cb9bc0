// The status of a page that embeds for a fleet, for the person who opened it and for the supervisor
// of a headless browser.

import type { EmbedderInfo } from '#core/ports.ts';

export type PageRunnerState =
  /** No token yet: a person must enter one. */
  | 'idle'
  /** Asks the gateway for its model, and whether the token is valid. */
  | 'starting'
  /** A worker loads the chosen model and checks its vectors. */
  | 'loading'
  /** Has a checked model, and no connection to the gateway. */
  | 'connecting'
  /** Joined: embeds texts. */
  | 'working'
  /** A worker failed; a new one starts after a delay. */
  | 'restarting'
  /** Left in order: stopped, or drained by its gateway. Final. */
  | 'stopped'
  /** Cannot continue; `lastError` says why and what to do. Final. */
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
  /** The device of the session in use; `null` before one is loaded. */
  readonly device: Device | null;
  readonly dtype: string | null;
  /** What the GPU calls itself, also when WASM is used; `null` without WebGPU. */
  readonly adapter: string | null;
  readonly softwareAdapter: boolean;
  /** Threads of the WASM runtime; 1 without cross-origin isolation. */
  readonly threads: number;
  readonly crossOriginIsolated: boolean;
  readonly modelId: string | null;
  readonly modelRevision: string | null;
  /**
   * Measurements in order of trial: the first right candidate works while the others are measured.
   * Empty when there was nothing to choose, or when an earlier visit's choice was used.
   */
  readonly measured: readonly Measured[];
  /** While files are loaded. */
  readonly progress: { readonly loadedBytes: number; readonly totalBytes: number } | null;
  /** The id of this connection in `GET /runners`. */
  readonly runnerId: string | null;
  /** Counted since the page was opened, golden texts included. */
  readonly textsEmbedded: number;
  readonly jobsDone: number;
  /** The speed in the jobs of the last minute; before the first job, as measured at warm-up. */
  readonly textsPerSecond: number;
  /** UTC ms of the last answered job. */
  readonly lastJobAt: number | null;
  /** Workers that failed and were replaced. */
  readonly restarts: number;
  /** The last error in plain words; `null` when nothing has gone wrong. */
  readonly lastError: string | null;
  /** `failed` because the gateway does not accept the token: another one is needed. */
  readonly tokenRefused: boolean;
  /** What happened, in plain words, newest last, at most 50. */
  readonly history: readonly { readonly at: number; readonly text: string }[];
  /** Bytes of page and workers together; `null` where the browser does not report it. */
  readonly memoryBytes: number | null;
};

/** `window.vectorstream`. */
export type RunnerPage = {
  readonly status: RunnerPageStatus;
  /** Finishes its jobs and leaves the fleet; resolves when the state is final. */
  stop(): Promise<void>;
};

/**
 * What a page's runner is started with (`pages/shared/tab-runner/tab-runner.ts`). It embeds for its
 * gateway until it is stopped, and never throws: the status says what happened.
 */
export type RunnerOptions = {
  readonly token: string;
  /** The name that people see in `GET /runners`. */
  readonly name: string;
  /**
   * `auto`: the best correct device is used. A forced device is the only one tried, even if it is a
   * software adapter.
   */
  readonly device: 'auto' | 'webgpu' | 'wasm';
  readonly dtype: string;
  /** A dtype of lower fidelity is chosen only when it is this many times as fast; at least 1. */
  readonly speedupMin: number;
  /** Threads of the WASM runtime; 0 lets it choose. */
  readonly threads: number;
  /** Share of the time that it works, 0 < share ≤ 1; less saves battery. */
  readonly share: number;
  readonly onStatus: (status: RunnerPageStatus) => void;
};

export type RunnerHandle = RunnerPage & { setShare(share: number): void };

declare global {
  interface Window {
    vectorstream?: RunnerPage;
  }
}
