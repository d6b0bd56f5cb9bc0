// Limits the runners that share it to so many texts per second: after each job, all of them pause
// until the rate allows the next.

export class TextRateLimit {
  readonly textsPerSecondMax: number;
  #pausedUntil = 0;

  constructor(textsPerSecondMax: number) {
    this.textsPerSecondMax = textsPerSecondMax;
  }

  /** Texts that may be taken at `now` (monotonic ms): none, or up to one second's worth. */
  texts(now: number): number {
    return now < this.#pausedUntil ? 0 : Math.max(1, Math.floor(this.textsPerSecondMax));
  }

  took(texts: number, now: number): void {
    this.#pausedUntil = Math.max(now, this.#pausedUntil) + (texts * 1000) / this.textsPerSecondMax;
  }
}
