// Bounds how many pieces of work run at once; those that wait start in the order of their arrival.

export class Semaphore {
  readonly #countMax: number;
  #count = 0;
  /** Waiting work in order of arrival; each function is called when its work may start. */
  readonly #waiting = new Set<() => void>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Runs the work once there is room; rejects with the signal's reason if it aborts first. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#acquire(signal);
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#count < this.#countMax) {
      this.#count += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const start = (): void => {
      this.#count += 1;
      resolve();
    };
    const giveUp = (): void => {
      this.#waiting.delete(start);
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    this.#waiting.add(start);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  #release(): void {
    this.#count -= 1;
    const [next] = this.#waiting;
    if (next !== undefined) this.#waiting.delete(next);
    next?.();
  }
}
