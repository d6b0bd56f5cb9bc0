// Decides how many threads WebAssembly uses.

/** More threads than this spend more time waiting for each other than they save. */
const threadsMax = 4;

/**
 * `wanted` threads; 0 takes half of the cores, at most 4. Always 1 without cross-origin isolation,
 * where the browser gives no shared memory.
 */
export function threadsOf(wanted: number): number {
  if (!crossOriginIsolated) return 1;
  return wanted > 0
    ? wanted
    : Math.max(1, Math.min(threadsMax, Math.floor(navigator.hardwareConcurrency / 2)));
}
