// Chooses which texts of a runner's real work are embedded again elsewhere, so that it cannot know
// or foresee which.

/** A text as the runner answered it. */
export type AnsweredText = { readonly text: string; readonly vector: Float32Array };
/** `embeddedAt`: UTC ms, as stored with the vector. */
export type Sample = AnsweredText & { readonly embeddedAt: number };

export type SamplerOptions = {
  /** One of so many texts is chosen… */
  readonly everyTexts: number;
  /** …and at least one of those answered in so many milliseconds. */
  readonly everyMs: number;
  /** Uniform in [0, 1), and nothing that a runner could foresee. */
  readonly random: () => number;
};

export const samplerDefaults = { everyTexts: 100 } as const;

/**
 * One runner's sampler. Its work is cut into strata of `everyTexts` texts, or of `everyMs`, and one
 * text of each is chosen, every one with the same chance, after it was answered. A runner wrong on
 * a share f of its work passes n strata with a probability of at most (1 − f)ⁿ, however it spreads
 * what is wrong.
 */
export class Sampler {
  readonly #options: SamplerOptions;
  #candidate: Sample | null = null;
  #texts = 0;
  /** Of the stratum's first text: UTC ms, and monotonic ms. */
  #beganAt = { utc: 0, monotonic: 0 };
  /** Chosen, and not yet compared → since when its stratum is open. */
  readonly #open = new Map<Sample, number>();

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** UTC ms: no work before this is still to be compared. */
  get comparedUntil(): number {
    return Math.min(this.#texts === 0 ? Infinity : this.#beganAt.utc, ...this.#open.values());
  }

  get isSettled(): boolean {
    return this.#texts === 0 && this.#open.size === 0;
  }

  /**
   * The runner answered these. Returns what is chosen now. `embeddedAt`: UTC ms; `now`: monotonic
   * ms.
   */
  answered(answers: readonly AnsweredText[], embeddedAt: number, now: number): readonly Sample[] {
    const chosen: Sample[] = [];
    for (const { text, vector } of answers) {
      if (this.#texts === 0) this.#beganAt = { utc: embeddedAt, monotonic: now };
      this.#texts += 1;
      // A reservoir of one: the nth text takes its place with a chance of 1 in n. Copied, for it
      // may be a view on a large frame.
      if (this.#options.random() * this.#texts < 1)
        this.#candidate = { text, vector: vector.slice(), embeddedAt };
      if (this.#texts >= this.#options.everyTexts) chosen.push(...this.#choose());
    }
    return chosen;
  }

  /** Time has passed. */
  due(now: number): readonly Sample[] {
    return this.#texts > 0 && now - this.#beganAt.monotonic >= this.#options.everyMs
      ? this.#choose()
      : [];
  }

  /** The runner has gone: what its last stratum comes to. */
  end(): readonly Sample[] {
    return this.#choose();
  }

  /** The sample was compared, or nobody could. */
  settled(sample: Sample): void {
    this.#open.delete(sample);
  }

  #choose(): readonly Sample[] {
    const chosen = this.#candidate;
    this.#candidate = null;
    this.#texts = 0;
    if (chosen === null) return [];
    this.#open.set(chosen, this.#beganAt.utc);
    return [chosen];
  }
}
