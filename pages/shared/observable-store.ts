// Holds a value that a page shows: a change notifies all watchers, and components that use the
// value are rendered again.

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

  /** Replaces the given members, and keeps the others. */
  set(changes: Partial<T>): void {
    this.#value = { ...this.#value, ...changes };
    for (const notify of this.#watchers) notify();
  }

  /** Calls `onChange` after every change, until the returned function is called. */
  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => void this.#watchers.delete(onChange);
  }
}

/** The store's value; the component is rendered again at every change. */
export function useStore<T extends object>(store: Store<T>): T {
  const [, render] = useState(0);
  useEffect(() => store.watch(() => render((count) => count + 1)), [store]);
  return store.value;
}
