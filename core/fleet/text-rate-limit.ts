// Holds those who share it to so many texts per second, by making each rest after what it took.

export class RateLimit {
  readonly textsPerSecondMax: number;
  #restsUntil = 0;

  constructor(textsPerSecondMax: number) {
    this.textsPerSecondMax = textsPerSecondMax;
  }

  /** Texts that may be taken now (monotonic ms): none, or up to a second's worth. */
  texts(now: number): number {
    return now < this.#restsUntil ? 0 : Math.max(1, Math.floor(this.textsPerSecondMax));
  }

  took(texts: number, now: number): void {
    this.#restsUntil = Math.max(now, this.#restsUntil) + (texts * 1000) / this.textsPerSecondMax;
  }
}
