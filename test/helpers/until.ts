// Waits for a condition of something real (a process, a file, an answer), and reports the last
// failure when it does not come.

const lookEveryMs = 20;

/**
 * Resolves with the first value of `look` that is neither `null`, `undefined` nor `false`; an error
 * of `look` counts as not yet.
 */
export async function until<T>(
  what: string,
  msMax: number,
  look: () => T | Promise<T>,
): Promise<Exclude<T, null | undefined | false>> {
  const deadline = performance.now() + msMax;
  let last = 'nothing';
  for (;;) {
    try {
      const seen = await look();
      if (isThere(seen)) return seen;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadline)
      throw new Error(`Not within ${msMax} ms: ${what}. Last trouble: ${last}.`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

const isThere = <T>(seen: T): seen is Exclude<T, null | undefined | false> =>
  seen !== null && seen !== undefined && seen !== false;
