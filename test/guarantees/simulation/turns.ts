// The event loop of simulated histories: time advances from one sleeper to the next, and everything
// that follows from a wake-up is done before the next one.

import { setImmediate } from 'node:timers';
import type { ManualClock } from '#core/memory/manual-clock.ts';

/**
 * Scheduling many turns at once makes a turn cheaper: the loop then looks for I/O, which the
 * simulation does not have, only once per burst.
 */
const turnsPerBurst = 16;

/**
 * Lets `ms` pass. Calls `before` in every turn, when nothing is left to do at that time but to wake
 * the next sleeper; if it throws, the run ends. Node runs all microtasks between two immediates, so
 * one turn is one immediate.
 */
export function pass(clock: ManualClock, ms: number, before: () => void): Promise<void> {
  const end = clock.monotonic() + ms;
  return new Promise((resolve, reject) => {
    let isOver = false;
    const turn = () => {
      if (isOver) return;
      try {
        before();
        isOver = !clock.wakeNext(end);
        if (isOver) resolve();
      } catch (error) {
        isOver = true;
        reject(error);
      }
    };
    const burst = () => {
      if (isOver) return;
      for (let begun = 0; begun < turnsPerBurst; begun++) setImmediate(turn);
      setImmediate(burst);
    };
    burst();
  });
}

/**
 * Runs what the program defers with `setImmediate` on this clock too, each in its own turn, until
 * disposed.
 */
export function immediatesOn(clock: ManualClock): Disposable {
  const real = globalThis.setImmediate;
  const onClock = (run: () => void): void => void clock.sleep(0).then(run);
  Object.assign(globalThis, { setImmediate: onClock });
  return { [Symbol.dispose]: () => void Object.assign(globalThis, { setImmediate: real }) };
}
