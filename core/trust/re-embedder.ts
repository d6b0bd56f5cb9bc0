// Embeds stored texts again and puts the new vectors into the store, a bounded number of texts at a
// time. A text that fails is tried again rarely, and keeps no other text from its vector.

import { BoundedMap } from '#core/collections/bounded-map.ts';
import { at } from '#core/errors/assert.ts';
import {
  textBatches,
  writeTextBatch,
  type Distrusted,
  type TextStore,
} from '#core/pipeline/text-writer.ts';
import type {
  BareText,
  Clock,
  EmbeddingService,
  Provenance,
  TextRecord,
  WriteOutcome,
} from '#core/ports.ts';

export type ReEmbedderOptions = {
  readonly store: TextStore;
  readonly embedding: EmbeddingService;
  /** How its texts are given to the fleet. */
  readonly priority: 'repair' | 'bulk';
  readonly clock: Clock;
  /** Whether a vector must not be stored, because its runner was found wrong. */
  readonly isDistrusted: (provenance: Provenance) => boolean;
  /** Called when enough vectors are ready that `write` is worth calling now. */
  readonly onVectors: () => void;
  /** The store refuses this text with its new vector. Called once per text, not per attempt. */
  readonly onRefused: (text: RefusedText) => void;
};

export type RefusedText = { readonly id: string; readonly message: string };

/** Texts that are embedded again at once; they share the fleet's queue with new texts. */
const inFlightMax = 512;
/** This many new vectors are written without waiting for the next step. */
const vectorsToWrite = 64;
/** A text that could not be embedded, or that the store refused, is tried again after this time. */
const retryFailedMs = 5 * 60_000;
/** No further text is tried while this many wait for that: the gateway would never rest. */
const failedMax = 10_000;

export class ReEmbedder {
  readonly #options: ReEmbedderOptions;
  /** Ids of texts that the fleet has, or whose vectors are not written yet. */
  readonly #inFlight = new Set<string>();
  /** Id → monotonic ms when the text is tried again. */
  readonly #failed = new Map<string, number>();
  readonly #refused = new BoundedMap<string, true>(() => failedMax);
  readonly #embedded: TextRecord[] = [];

  constructor(options: ReEmbedderOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** How many texts to ask the store for, so that failed ones do not hide the others. */
  get textsMax(): number {
    return inFlightMax + this.#failed.size;
  }

  /**
   * Submits texts to the fleet, up to the bound. `write` stores their vectors later. `false`: all
   * of these texts have failed, and none is tried now.
   */
  embed(texts: readonly BareText[], signal: AbortSignal): boolean {
    const now = this.#options.clock.monotonic();
    let areWanted = false;
    for (const text of texts) {
      if ((this.#failed.get(text.id) ?? 0) > now) continue;
      const isInFlight = this.#inFlight.has(text.id);
      if (!isInFlight && !this.#hasRoomToFail(now)) break;
      areWanted = true;
      if (isInFlight) continue;
      if (this.#inFlight.size >= inFlightMax) break;
      this.#inFlight.add(text.id);
      void this.#embedOne(text, signal);
    }
    return areWanted;
  }

  /**
   * Stores the vectors that are ready. Resolves to how many were stored. Throws when the store is
   * down; the vectors that are not stored then wait for the next call.
   */
  async write(): Promise<number> {
    const { store, isDistrusted } = this.#options;
    let stored = 0;
    for (const batch of textBatches(store, this.#embedded)) {
      const outcomes = await writeTextBatch({ store, isDistrusted }, batch);
      this.#embedded.splice(0, batch.length);
      for (const [index, { id }] of batch.entries()) this.#written(id, at(outcomes, index));
      stored += outcomes.filter(({ status }) => status === 'stored').length;
    }
    return stored;
  }

  async #embedOne(text: BareText, signal: AbortSignal): Promise<void> {
    const { embedding, priority, onVectors } = this.#options;
    try {
      const result = await embedding.embed(text.text, { priority, signal });
      if (!result.ok) return this.#fail(text.id);
      this.#embedded.push({ ...text, embedding: result.embedding });
      if (this.#embedded.length === vectorsToWrite) onVectors();
    } catch {
      // The gateway stops, or the fleet's queue is full. A later step finds the text again.
      this.#inFlight.delete(text.id);
    }
  }

  /** A vector that was dropped is found again, and embedded by another runner. */
  #written(id: string, outcome: WriteOutcome | Distrusted): void {
    if (outcome.status !== 'rejected') return void this.#inFlight.delete(id);
    this.#fail(id);
    if (this.#refused.get(id) === undefined)
      this.#options.onRefused({ id, message: outcome.message });
    this.#refused.set(id, true);
  }

  #hasRoomToFail(now: number): boolean {
    const tried = () => this.#failed.size + this.#inFlight.size;
    if (tried() < failedMax) return true;
    for (const [id, until] of this.#failed) if (until <= now) this.#failed.delete(id);
    return tried() < failedMax;
  }

  #fail(id: string): void {
    this.#failed.delete(id);
    this.#failed.set(id, this.#options.clock.monotonic() + retryFailedMs);
    this.#inFlight.delete(id);
  }
}
