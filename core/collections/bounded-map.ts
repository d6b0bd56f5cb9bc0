// A map that never grows beyond its bound: one entry more drops the oldest.

/** Entries are as old as their last `set`. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #sizeMax: () => number;
  readonly #dropped: (key: K, value: V) => void;

  /**
   * @param sizeMax read at every `set`, so that it may change
   * @param dropped told of every entry that had to go
   */
  constructor(sizeMax: () => number, dropped: (key: K, value: V) => void = () => undefined) {
    super();
    this.#sizeMax = sizeMax;
    this.#dropped = dropped;
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    const sizeMax = this.#sizeMax();
    for (const [oldest, dropped] of this) {
      if (this.size <= sizeMax) break;
      this.delete(oldest);
      this.#dropped(oldest, dropped);
    }
    return this;
  }
}
