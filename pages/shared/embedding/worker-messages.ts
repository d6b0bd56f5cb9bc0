// Defines the messages between a page and its embedding worker. Both come from one build, so types
// are the only check they need.

import type { EmbedderInfo, EmbedOutcome } from '#core/ports.ts';

export type OpenRequest = {
  readonly device: 'webgpu' | 'wasm';
  /** One that the model has files for. */
  readonly dtype: string;
  /** Threads of the WASM runtime; 0 chooses. Always 1 without cross-origin isolation. */
  readonly threads: number;
  /** How long to measure speed, in ms; at least one round of texts. `null`: not at all. */
  readonly measureMs: number | null;
};

/** Bytes of the model's files and of the runtime, counted after decompression. */
export type LoadProgress = {
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** Nothing had to be downloaded so far. */
  readonly cached: boolean;
};

export type ServeRequest = {
  /** The gateway's address, `ws://` or `wss://`. */
  readonly url: string;
  readonly token: string;
  readonly name: string;
  /** The share of its time that it may work, 0…1. */
  readonly share: number;
};

export type ServeEvent =
  | { readonly kind: 'joined'; readonly runnerId: string }
  /** Begins to embed; the worker may send nothing else until that is done. */
  | { readonly kind: 'working'; readonly texts: number }
  | { readonly kind: 'job'; readonly texts: number; readonly ms: number }
  /** The connection broke; the worker connects again by itself. */
  | { readonly kind: 'lost'; readonly message: string };

export type ToWorker =
  | { readonly type: 'open'; readonly request: OpenRequest }
  | { readonly type: 'embed'; readonly call: number; readonly texts: readonly string[] }
  | { readonly type: 'serve'; readonly request: ServeRequest }
  | { readonly type: 'share'; readonly share: number }
  | { readonly type: 'drain' };

export type FromWorker =
  | { readonly type: 'progress'; readonly progress: LoadProgress }
  /** A part of the golden check is done. */
  | { readonly type: 'alive' }
  | { readonly type: 'ready'; readonly info: EmbedderInfo; readonly golden: string }
  | { readonly type: 'embedded'; readonly call: number; readonly outcomes: readonly EmbedOutcome[] }
  | { readonly type: 'serving'; readonly event: ServeEvent }
  /** The fleet has drained this session. */
  | { readonly type: 'served' }
  /** The last message. `code`: `wrong_vectors`, `token_refused`, `device_lost`, … */
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly message: string;
      readonly retryable: boolean;
    };
