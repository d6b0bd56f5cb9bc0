// The event loop of simulated histories: time passes wake by wake, and all that follows from one
// wake is done before the next.

import { setImmediate } from 'node:timers';
import type { ManualClock } from '#core/memory/manual-clock.ts';

/**
 * A turn costs less when many are asked for at once: the loop looks for I/O, of which there is
 * none, only between bursts.
 */
const turnsPerBurst = 16;

/**
 * Lets `ms` pass. `before` is called in every turn, when nothing is left to do at that time but to
 * wake the next sleeper; what it throws ends it. Node runs all microtasks between two immediates,
 * so that one turn is one immediate.
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
 * What the program leaves for later by `setImmediate` happens on this clock too, in a turn of its
 * own, until this is disposed.
 */
export function immediatesOn(clock: ManualClock): Disposable {
  const real = globalThis.setImmediate;
  const onClock = (run: () => void): void => void clock.sleep(0).then(run);
  Object.assign(globalThis, { setImmediate: onClock });
  return { [Symbol.dispose]: () => void Object.assign(globalThis, { setImmediate: real }) };
}
