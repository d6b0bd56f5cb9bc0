// Decides with how many threads WebAssembly runs.

/** Beyond this, threads wait for each other longer than they work. */
const threadsMax = 4;

/** 0 chooses. One without cross-origin isolation, where the browser gives no shared memory. */
export function threadsOf(wanted: number): number {
  if (!crossOriginIsolated) return 1;
  return wanted > 0
    ? wanted
    : Math.max(1, Math.min(threadsMax, Math.floor(navigator.hardwareConcurrency / 2)));
}
