// A timer that can be restarted, for work that is given up when it shows no progress for too long.

export class Timeout implements Disposable {
  readonly #ms: number;
  readonly #onTimeout: () => void;
  #timer: ReturnType<typeof setTimeout>;

  /** Calls `onTimeout` after `ms`, unless it is restarted or disposed before. */
  constructor(ms: number, onTimeout: () => void) {
    this.#ms = ms;
    this.#onTimeout = onTimeout;
    this.#timer = setTimeout(onTimeout, ms);
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onTimeout, this.#ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
