// What a page and its embedding worker tell each other. Both are built together, so that types are
// all the checking needed.

import type { EmbedderInfo, EmbedOutcome } from '#core/ports.ts';

export type OpenRequest = {
  readonly device: 'webgpu' | 'wasm';
  /** One of the model's. */
  readonly dtype: string;
  /**
   * Of the WASM runtime; 0: as many as the machine has cores, at most 8, or 1 without cross-origin
   * isolation.
   */
  readonly threads: number;
  /** How long to measure speed, at least one round of texts. */
  readonly measureMs: number;
};

/**
 * Bytes as they are after decompression: files of the model, and the runtime. `cached`: nothing had
 * to be downloaded so far.
 */
export type LoadProgress = {
  readonly loadedBytes: number;
  readonly totalBytes: number;
  readonly cached: boolean;
};

export type ServeRequest = {
  /** `ws://` or `wss://` of the gateway. */
  readonly url: string;
  readonly token: string;
  readonly name: string;
  /** Of its time that it may work, 0…1. */
  readonly share: number;
};

export type ServeEvent =
  | { readonly kind: 'joined'; readonly runnerId: string }
  /** Texts are being embedded: nothing else may be heard until that is done. */
  | { readonly kind: 'working'; readonly texts: number }
  | { readonly kind: 'job'; readonly texts: number; readonly ms: number }
  /** It connects again by itself. */
  | { readonly kind: 'lost'; readonly message: string };

export type ToWorker =
  | { readonly type: 'open'; readonly request: OpenRequest }
  | { readonly type: 'embed'; readonly call: number; readonly texts: readonly string[] }
  | { readonly type: 'serve'; readonly request: ServeRequest }
  | { readonly type: 'share'; readonly share: number }
  | { readonly type: 'drain' };

export type FromWorker =
  | { readonly type: 'progress'; readonly progress: LoadProgress }
  | { readonly type: 'ready'; readonly info: EmbedderInfo; readonly golden: string }
  | { readonly type: 'embedded'; readonly call: number; readonly outcomes: readonly EmbedOutcome[] }
  | { readonly type: 'serving'; readonly event: ServeEvent }
  /** Drained in order. */
  | { readonly type: 'served' }
  /**
   * Nothing comes after it. `code`: `wrong_vectors`, `token_refused`, `model_changed`,
   * `device_lost`, …
   */
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly message: string;
      readonly retryable: boolean;
    };
