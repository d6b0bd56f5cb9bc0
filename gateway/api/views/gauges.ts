// The figures that only source, store and dead-letter queue know, within a second even while those
// are down.

import type { Clock, DeadLetters, EventSource, VectorStore } from '#core/ports.ts';
import { lastKnown } from './last-known.ts';

export type Gauges = ReturnType<typeof createGauges>;

const answerMsMax = 1000;
/** An id that no event has: the cheapest question that a store can only answer when it works. */
const nobody = '00000000-0000-0000-0000-000000000000';

export function createGauges({
  source,
  store,
  deadLetters,
  clock,
}: {
  readonly source: EventSource;
  readonly store: VectorStore;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
}) {
  const ask = { msMax: answerMsMax, now: () => clock.now() };
  return {
    /** Records in the log after the last commit, by partition. */
    lag: lastKnown({ ...ask, what: `${source.kind} source`, ask: () => source.lag() }),
    counts: lastKnown({ ...ask, what: store.kind, ask: () => store.counts() }),
    letters: lastKnown({
      ...ask,
      what: `${deadLetters.kind} dead-letter queue`,
      ask: () => deadLetters.stats(),
    }),
    storeWorks: lastKnown({ ...ask, what: store.kind, ask: () => store.event(nobody) }),
  };
}
