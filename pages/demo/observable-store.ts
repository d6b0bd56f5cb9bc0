// A value that a page shows: whoever changes it tells those that watch, and a component that reads
// it is drawn again.

import { useEffect, useState } from 'preact/hooks';

export class Store<T extends object> {
  #value: T;
  readonly #watchers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  /** Takes over the members given. */
  set(changes: Partial<T>): void {
    this.#value = { ...this.#value, ...changes };
    for (const tell of this.#watchers) tell();
  }

  /** Calls after every change until the function it returns is called. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }
}

/** The store's value, in a component that follows it. */
export function useStore<T extends object>(store: Store<T>): T {
  const [, redraw] = useState(0);
  useEffect(() => store.watch(() => redraw((count) => count + 1)), [store]);
  return store.value;
}
