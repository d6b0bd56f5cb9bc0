// Keeps what a person has typed, whatever else a page shows meanwhile.

import { useState } from 'preact/hooks';

/** What was typed, by what it belongs to; `null` forgets it. */
export function useKept<T>(): readonly [
  ReadonlyMap<string, T>,
  (key: string, typed: T | null) => void,
] {
  const [kept, setKept] = useState<ReadonlyMap<string, T>>(new Map());
  const keep = (key: string, typed: T | null): void =>
    setKept((before) => {
      const others = [...before].filter(([each]) => each !== key);
      return new Map(typed === null ? others : [...others, [key, typed]]);
    });
  return [kept, keep];
}
