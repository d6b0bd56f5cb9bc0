// Embeds stored texts again and puts the new vectors into the store, a bounded number of texts at a
// time.

import { at } from '#core/errors/assert.ts';
import type {
  BareText,
  Clock,
  EmbeddingService,
  Provenance,
  TextRecord,
  VectorStore,
} from '#core/ports.ts';

export type ReEmbedderOptions = {
  readonly store: Pick<VectorStore, 'putTexts'>;
  readonly embedding: EmbeddingService;
  readonly clock: Clock;
  /** Whether a vector must not be stored, because its runner was found wrong. */
  readonly isDistrusted: (provenance: Provenance) => boolean;
  /** Called when enough vectors are ready that `write` is worth calling now. */
  readonly onVectors: () => void;
};

/** Texts that are embedded again at once; they share the fleet's queue with new texts. */
const inFlightMax = 512;
/** This many new vectors are written without waiting for the next step. */
const vectorsToWrite = 64;
/** A text that could not be embedded stays without a vector for this long. */
const retryFailedMs = 5 * 60_000;
const failedMax = 1_000;

export class ReEmbedder {
  readonly #options: ReEmbedderOptions;
  /** Ids of texts that the fleet has, or whose vectors are not written yet. */
  readonly #inFlight = new Set<string>();
  /** Id → monotonic ms when the text is tried again. */
  readonly #failed = new Map<string, number>();
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

  /** Submits texts to the fleet, up to the bound. `write` stores their vectors later. */
  embed(texts: readonly BareText[], signal: AbortSignal): void {
    const { clock, embedding } = this.#options;
    for (const text of texts) {
      if (this.#inFlight.size >= inFlightMax) return;
      if (this.#inFlight.has(text.id) || (this.#failed.get(text.id) ?? 0) > clock.monotonic())
        continue;
      this.#inFlight.add(text.id);
      embedding.embed(text.text, { priority: 'bulk', signal }).then(
        (result) => {
          if (!result.ok) return this.#fail(text.id);
          this.#embedded.push({ ...text, embedding: result.embedding });
          if (this.#embedded.length >= vectorsToWrite) this.#options.onVectors();
        },
        () => {
          // The gateway stops, or the fleet's queue is full. A later step finds the text again.
          this.#inFlight.delete(text.id);
        },
      );
    }
  }

  /** Stores the vectors that are ready. Resolves to their number; throws as the store does. */
  async write(): Promise<number> {
    const { store, isDistrusted } = this.#options;
    const embedded = this.#embedded.splice(0);
    const records = embedded.filter(({ embedding }) => !isDistrusted(embedding.provenance));
    try {
      const outcomes = records.length === 0 ? [] : await store.putTexts(records);
      for (const [index, { status }] of outcomes.entries())
        if (status === 'rejected') this.#fail(at(records, index).id);
      return outcomes.filter(({ status }) => status === 'stored').length;
    } finally {
      for (const { id } of embedded) this.#inFlight.delete(id);
    }
  }

  #fail(id: string): void {
    const now = this.#options.clock.monotonic();
    for (const [failed, until] of this.#failed) if (until <= now) this.#failed.delete(failed);
    if (this.#failed.size < failedMax) this.#failed.set(id, now + retryFailedMs);
    this.#inFlight.delete(id);
  }
}
