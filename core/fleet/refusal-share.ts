// Says whether a runner refuses most of its latest texts.

/** Texts that it has refused at least: a few may really be the problem. */
const refusedMin = 8;
const latestTexts = 1_000;

export class RefusalShare {
  #texts = 0;
  #refused = 0;

  /** The runner answered so many texts, and refused some of them. `true`: it refuses most. */
  add(texts: number, refused: number): boolean {
    this.#texts += texts;
    this.#refused += refused;
    const isMost = this.#refused >= refusedMin && 2 * this.#refused > this.#texts;
    // Older texts count for less and less.
    while (this.#texts > latestTexts) {
      this.#texts /= 2;
      this.#refused /= 2;
    }
    return isMost;
  }
}
