// Caches which candidates were right and fast in this browser, so that the next visit measures
// nothing and downloads only the files of the best.

import type { PageCandidate } from '../embedding/page-candidates.ts';

const storageKey = 'vectorstream-choice';

type CachedChoice = {
  readonly key: string;
  /** UTC ms. */
  readonly until: number;
  readonly candidates: readonly PageCandidate[];
};

/**
 * `key` names everything that the choice depends on. `null` when nothing is cached for it, or no
 * longer.
 */
export function readCachedChoice(
  key: string,
  possible: readonly PageCandidate[],
): readonly PageCandidate[] | null {
  try {
    const cached: CachedChoice = JSON.parse(localStorage.getItem(storageKey) ?? '');
    if (cached.key !== key || !(Date.now() < cached.until)) return null;
    // Only what is possible now: nothing else in storage is trusted.
    const candidates = cached.candidates.flatMap(
      (one) =>
        possible.find(({ device, dtype }) => device === one.device && dtype === one.dtype) ?? [],
    );
    return candidates.length > 0 ? candidates : null;
  } catch {
    return null;
  }
}

export function cacheChoice(
  key: string,
  candidates: readonly PageCandidate[],
  msMax: number,
): void {
  try {
    localStorage.setItem(
      storageKey,
      JSON.stringify({ key, until: Date.now() + msMax, candidates } satisfies CachedChoice),
    );
  } catch {
    // Without storage, the next visit measures again.
  }
}

export function forgetCachedChoice(): void {
  try {
    localStorage.removeItem(storageKey);
  } catch {
    // Without storage, nothing was cached.
  }
}
