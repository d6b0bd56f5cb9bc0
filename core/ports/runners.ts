// A runner, its connection, and the fleet of all of them.

import type { Embedding } from './events.ts';

export type EmbedderInfo = {
  readonly device: 'cpu' | 'webgpu' | 'cuda' | 'wasm';
  readonly dtype: string;
  /** The adapter's own name; for a CPU, its model name. */
  readonly adapter: string;
  readonly softwareAdapter: boolean;
  readonly modelId: string;
  readonly modelRevision: string;
  readonly dimensions: number;
  /** Measured during warm-up, on texts like those of the stream. */
  readonly textsPerSecond: number;
};

/** What became of one text. */
export type EmbedOutcome =
  /**
   * `tokens` counts the whole text with its special tokens, before it was cut to the model's
   * maximum length. It is absent when the tokens were not counted.
   */
  | { readonly ok: true; readonly vector: Float32Array; readonly tokens?: number }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * A loaded model in a runner. `embed` returns one outcome per text, in order. It throws only when
 * the model session can no longer be trusted; the process or worker must then end. Calls do not
 * overlap.
 */
export type Embedder = AsyncDisposable & {
  readonly info: EmbedderInfo;
  /** `onBatch`: called after each part of the work, as a sign of life. */
  embed(texts: readonly string[], onBatch?: () => void): Promise<readonly EmbedOutcome[]>;
};

/**
 * An open connection for messages: a WebSocket in Node or in the browser, or a pair in memory.
 * Frames arrive whole and in order.
 */
export type Channel = {
  /**
   * Sends a frame. Must not be called after `close`. When the other side has closed, the frame is
   * dropped.
   */
  send(frame: string | Uint8Array): void;
  /** Bytes that `send` has accepted and that are not yet handed to the network. */
  bufferedAmount(): number;
  close(code: number, reason: string): void;
  /** Called once. Frames that arrive earlier are kept until then. */
  listen(handlers: {
    frame(frame: string | Uint8Array): void;
    /** Called once, whichever side closed. No frame comes after it. */
    closed(code: number, reason: string): void;
  }): void;
};

/** What became of one text that was given to the fleet. */
export type FleetResult =
  /** `tokens` is the runner's count (see `EmbedOutcome`). */
  | { readonly ok: true; readonly embedding: Embedding; readonly tokens?: number }
  /** No runner could embed it, even alone and after every allowed attempt. */
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly attempts: number;
      readonly runner: string | null;
    };

/**
 * The fleet of runners, as the pipeline and the search see it. A text waits while no runner has
 * passed its checks. When a runner is lost, another one embeds the text. A text that makes runners
 * fail is tried alone, and in the end resolves with `ok: false`. `search` and `request` go before
 * `repair`, and that before `bulk`. A search that is not answered soon goes to a second runner too;
 * a repair goes to trusted runners, where there are any. `embed` rejects with the signal's reason,
 * or with a retryable `DependencyError` when the fleet is full or closed.
 */
export type EmbeddingService = {
  embed(
    text: string,
    options: {
      readonly priority: 'search' | 'request' | 'repair' | 'bulk';
      readonly signal: AbortSignal;
    },
  ): Promise<FleetResult>;
};
