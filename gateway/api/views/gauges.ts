// Gauges that only source, store and dead-letter queue know. They answer within a second, even
// while these are down.

import type { Clock, DeadLetters, EventSource, VectorStore } from '#core/ports.ts';
import { lastKnown } from './last-known.ts';

export type Gauges = ReturnType<typeof createGauges>;

const answerMsMax = 1000;
/** No event has this id; looking it up is the cheapest test of whether the store works. */
const probeEventId = '00000000-0000-0000-0000-000000000000';

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
  const ask = { msMax: answerMsMax, clock };
  return {
    /** Records in the log after the last commit, by partition. */
    lag: lastKnown({ ...ask, what: `${source.kind} source`, ask: () => source.lag() }),
    counts: lastKnown({ ...ask, what: store.kind, ask: () => store.counts() }),
    deadLetters: lastKnown({
      ...ask,
      what: `${deadLetters.kind} dead-letter queue`,
      ask: () => deadLetters.stats(),
    }),
    storeWorks: lastKnown({ ...ask, what: store.kind, ask: () => store.event(probeEventId) }),
  };
}
