// The real clock, for Node and the browser.

import type { Clock } from '#core/ports.ts';

/**
 * Timers have 32 bits, and a longer wait would fire at once. Such a wait ends after this time
 * instead, which is 24.8 days.
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
