// The real clock, in Node and in the browser.

import type { Clock } from '#core/ports.ts';

/**
 * Timers count in 32 bits; a longer wait would fire at once, so it ends after this many ms (24.8
 * days) instead.
 */
const timerMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const aborted = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', aborted);
          resolve();
        },
        Math.min(ms, timerMsMax),
      );
      signal?.addEventListener('abort', aborted, { once: true });
    }),
};
