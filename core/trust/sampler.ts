// Chooses which texts of a runner's work are embedded again by a trusted runner, so that the runner
// can neither know nor predict the choice.

/** A text with the vector that the runner gave it. */
export type AnsweredText = { readonly text: string; readonly vector: Float32Array };
/** `embeddedAt`: UTC ms, as stored with the vector. */
export type Sample = AnsweredText & { readonly embeddedAt: number };

export type SamplerOptions = {
  /** One of this many texts is chosen (read at every use)… */
  readonly everyTexts: number;
  /** …and at least one of those answered within this many milliseconds. */
  readonly everyMs: number;
  /** Uniform in [0, 1), and unpredictable for a runner. */
  readonly random: () => number;
};

/**
 * The sampler of one runner. The runner's work is divided into strata of `everyTexts` texts or of
 * `everyMs`, whichever ends first. After the runner has answered, one text of each stratum is
 * chosen, each with the same probability. A runner that is wrong on a share f of its work passes n
 * strata with a probability of at most (1 − f)ⁿ, however it spreads the wrong vectors.
 */
export class Sampler {
  readonly #options: SamplerOptions;
  #candidate: Sample | null = null;
  /** Texts in the stratum that is not complete yet. */
  #texts = 0;
  /** When that stratum's first text was answered: UTC ms, and monotonic ms. */
  #beganAt = { utc: 0, monotonic: 0 };
  /** Samples that were chosen and not compared yet → when their stratum began (UTC ms). */
  readonly #open = new Map<Sample, number>();

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** UTC ms: all samples of earlier work are compared. */
  get comparedUntil(): number {
    return Math.min(this.#texts === 0 ? Infinity : this.#beganAt.utc, ...this.#open.values());
  }

  /** Every stratum is complete, and every sample is compared. */
  get isSettled(): boolean {
    return this.#texts === 0 && this.#open.size === 0;
  }

  /**
   * The runner answered these texts. Returns the samples chosen now. `embeddedAt`: UTC ms; `now`:
   * monotonic ms.
   */
  answered(answers: readonly AnsweredText[], embeddedAt: number, now: number): readonly Sample[] {
    const chosen: Sample[] = [];
    for (const { text, vector } of answers) {
      if (this.#texts === 0) this.#beganAt = { utc: embeddedAt, monotonic: now };
      this.#texts += 1;
      // Reservoir sampling with one place: the nth text takes it with a probability of 1/n. The
      // vector is copied, because it may be a view on a large frame.
      if (this.#options.random() * this.#texts < 1)
        this.#candidate = { text, vector: vector.slice(), embeddedAt };
      if (this.#texts >= this.#options.everyTexts) chosen.push(...this.#choose());
    }
    return chosen;
  }

  /** The sample of a stratum that has lasted `everyMs`, if there is one. */
  due(now: number): readonly Sample[] {
    return this.#texts > 0 && now - this.#beganAt.monotonic >= this.#options.everyMs
      ? this.#choose()
      : [];
  }

  /** The runner is gone: the sample of its last, incomplete stratum. */
  end(): readonly Sample[] {
    return this.#choose();
  }

  /** The sample was compared, or no trusted runner could compare it. */
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
