// A map that never exceeds its bound: when it is full, a new entry drops the oldest one.

/** The age of an entry counts from its last `set`. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #sizeMax: () => number;
  readonly #dropped: (key: K, value: V) => void;

  /**
   * @param sizeMax read at every `set`, because it may change
   * @param dropped called for each entry that was dropped
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
