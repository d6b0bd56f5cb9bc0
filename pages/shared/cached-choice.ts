// Remembers for a week which candidates were right and fast in this browser, so that the next visit
// neither measures nor downloads what lost.

import type { PageCandidate } from './probe-candidates.ts';

const storageKey = 'vectorstream-choice';
const ageMsMax = 7 * 86_400_000;

type Remembered = {
  readonly key: string;
  readonly at: number;
  readonly candidates: readonly PageCandidate[];
};

/**
 * `key` names all that a choice depends on. `null` when nothing was remembered for it, or not
 * lately.
 */
export function recallChoice(
  key: string,
  possible: readonly PageCandidate[],
): readonly PageCandidate[] | null {
  try {
    const remembered: Remembered = JSON.parse(localStorage.getItem(storageKey) ?? '');
    if (remembered.key !== key || Date.now() - remembered.at > ageMsMax) return null;
    // Only what is possible now: whatever else is in there is not trusted.
    const candidates = remembered.candidates.flatMap(
      (one) =>
        possible.find(({ device, dtype }) => device === one.device && dtype === one.dtype) ?? [],
    );
    return candidates.length > 0 ? candidates : null;
  } catch {
    return null;
  }
}

export function rememberChoice(key: string, candidates: readonly PageCandidate[]): void {
  try {
    localStorage.setItem(
      storageKey,
      JSON.stringify({ key, at: Date.now(), candidates } satisfies Remembered),
    );
  } catch {
    // A browser that keeps nothing measures again.
  }
}

export function forgetChoice(): void {
  try {
    localStorage.removeItem(storageKey);
  } catch {
    // Nothing was kept either.
  }
}
